package gatetest

// tell delivers what the platform tells by itself, if anybody listens.
func (g *Gate) tell(v map[string]any) {
	if v == nil || g.o.Tell == nil {
		return
	}
	if text, err := g.sign(v); err == nil {
		g.o.Tell(text)
	}
}
