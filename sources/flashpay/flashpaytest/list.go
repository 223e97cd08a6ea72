package flashpaytest

import (
	"slices"
	"sort"
	"time"
)

// Rows is a Book of a few operations for tests.
type Rows []Operation

// Operations implements Book.
func (r Rows) Operations(project int64, from, to, _ time.Time, skip, limit int) []Operation {
	var out []Operation
	for _, o := range r {
		at := o.UpdatedAt.Truncate(time.Second)
		if o.ProjectID == project && !at.Before(from) && !at.After(to) {
			out = append(out, o)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].UpdatedAt.Before(out[j].UpdatedAt) })
	out = out[min(skip, len(out)):]
	return slices.Clone(out[:min(limit, len(out))])
}

// list returns one page of the list as it stands: the book's, without rows that
// have been moved or are late, with the moved ones at their new place.
func (s *Server) list(q *request) []Operation {
	now := s.opts.Now()
	late := s.faults.on(Late)
	if len(s.moved) == 0 && !late {
		var out []Operation
		skip := q.Offset
		for _, p := range q.ProjectID {
			// With one project, the usual case, the book does the paging.
			if len(q.ProjectID) == 1 {
				return s.book.Operations(p, q.from, q.to, now, skip, q.limit)
			}
			out = append(out, s.book.Operations(p, q.from, q.to, now, 0, skip+q.limit)...)
		}
		return cut(out, q)
	}
	return cut(s.all(q, now, late), q)
}

// all is the whole list of an interval: what faults need, and slow for big books.
func (s *Server) all(q *request, now time.Time, late bool) []Operation {
	var out []Operation
	hidden := 0
	for _, p := range q.ProjectID {
		for _, o := range s.book.Operations(p, q.from, q.to, now, 0, 1<<30) {
			_, moved := s.moved[o.ID]
			switch {
			case moved:
			case late && o.UpdatedAt.After(now.Add(-s.opts.Late)):
				hidden++
			default:
				out = append(out, o)
			}
		}
		for _, o := range s.moved {
			if at := o.UpdatedAt.Truncate(time.Second); o.ProjectID == p && !at.Before(q.from) && !at.After(q.to) {
				out = append(out, o)
			}
		}
	}
	if hidden > 0 {
		s.faults.fired[Late]++
	}
	return out
}

func cut(all []Operation, q *request) []Operation {
	sort.SliceStable(all, func(i, j int) bool {
		if !all[i].UpdatedAt.Equal(all[j].UpdatedAt) {
			return all[i].UpdatedAt.Before(all[j].UpdatedAt)
		}
		return all[i].ID < all[j].ID
	})
	all = all[min(q.Offset, len(all)):]
	return all[:min(q.limit, len(all))]
}

// Page is what a client sees that walks by limit and offset, without HTTP: the
// faults late and moving apply. Tests use it as a control.
func (s *Server) Page(project int64, from, to time.Time, offset, limit int) []Operation {
	q := &request{ProjectID: []int64{project}, from: from, to: to, Offset: offset, limit: limit}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift(q)
	return s.list(q)
}

// shift applies the fault moving to a later page.
func (s *Server) shift(q *request) {
	if q.Offset > 0 && s.faults.due(Moving) {
		if s.move(q, max(1, s.faults.plans[Moving].Rows)) == 0 {
			s.faults.fired[Moving]-- // there was nothing left to move
		}
	}
}

// move updates the first n rows of the interval again: they leave it, unless it
// contains now, and everything after them shifts to lower offsets.
func (s *Server) move(q *request, n int) int {
	now := s.opts.Now()
	rows := s.all(q, now, false)
	rows = rows[:min(n, len(rows))]
	for _, o := range rows {
		o.UpdatedAt = now
		s.moved[o.ID] = o
	}
	return len(rows)
}

// Moved lists the ids of the rows that the fault moving has updated.
func (s *Server) Moved() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.moved))
	for id := range s.moved {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
