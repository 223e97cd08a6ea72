package config

// ofFiles reports whether a pipeline reads files.
func (c *Config) ofFiles(q Pipeline) bool {
	s, ok := c.SourceNamed(q.Source)
	return ok && s.Type == CSV
}

// validateFiles checks a pipeline of files. They are read whole: start leaves
// earlier rows out, and window, lookback and lag mean nothing, so that a
// pipeline can be copied from another one.
func validateFiles(p *problems, key string, q Pipeline) {
	if q.Schedule != "" {
		if err := checkSchedule(q.Schedule); err != "" {
			p.at(join(key, "schedule"), "%s.schedule: %q %s", key, q.Schedule, err)
		}
	}
	if len(q.Keep) > 0 {
		p.at(join(key, "keep"), "%s.keep: files have no columns of their own; map the heading to a column of %s under mapping", key, q.Table)
	}
}
