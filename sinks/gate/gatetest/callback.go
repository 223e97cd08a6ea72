package gatetest

import "maps"

// sumless leaves out what a project need not tell.
func sumless(v map[string]any) map[string]any {
	v = maps.Clone(v)
	delete(v, "operation")
	payment := maps.Clone(v["payment"].(map[string]any))
	delete(payment, "sum")
	v["payment"] = payment
	return v
}

// tell delivers what the platform tells by itself, if anybody listens.
func (g *Gate) tell(v map[string]any) {
	if v == nil || g.o.Tell == nil {
		return
	}
	if g.o.Sumless != nil && g.o.Sumless(false) {
		v = sumless(v)
	}
	if text, err := g.sign(v); err == nil {
		g.o.Tell(text)
	}
}
