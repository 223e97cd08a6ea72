package pipeline

// Checks that reject: judged page by page, before anything of a row is kept.

import (
	"fmt"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sources"
)

// judge gives a reader its own Judge; nil when no check can reject.
func (r *run) judge(t *schemas.Table) (*schemas.Judge, error) {
	if len(r.job.Checks) == 0 {
		return nil, nil
	}
	j, err := schemas.NewJudge(t, r.job.Checks)
	if err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", r.job.Spec.Name, err)
	}
	return j, nil
}

// refused moves the rows of a page that a check refuses to its rejects. A page
// without such rows is left as it is.
func (r *run) refused(j *schemas.Judge, page sources.Page, t *schemas.Table, p *permit) (sources.Page, error) {
	return refuse(j, r.job.Checks, page, t, p.covered())
}

func refuse(j *schemas.Judge, checks []schemas.Check, page sources.Page, t *schemas.Table, covered []bool) (sources.Page, error) {
	if j == nil {
		return page, nil
	}
	bad := j.Rows(page.Rows, covered)
	if bad == nil {
		return page, nil
	}
	for row, c := range bad {
		if c < 0 {
			continue
		}
		reject, err := schemas.Refuse(t, page.Rows, row, checks[c], covered)
		if err != nil {
			return page, fmt.Errorf("row %s that check %s refuses: %w", reject.RowID, checks[c].Name, err)
		}
		page.Rejects = append(page.Rejects, reject)
	}
	page.Rows = schemas.Without(page.Rows, func(row int) bool { return bad[row] >= 0 })
	return page, nil
}

// covered are the columns that the consent covers; nil: all.
func (p *permit) covered() []bool {
	if p == nil {
		return nil
	}
	return p.columns
}

// identify gives rejects their keyed ids.
func (r *run) identify(rejects []schemas.Reject, s schemas.Stream) error {
	return nameAll(r.job.NameReject, rejects, s)
}

func nameAll(name func(*schemas.Reject, schemas.Stream) error, rejects []schemas.Reject, s schemas.Stream) error {
	if name == nil {
		return nil
	}
	for i := range rejects {
		if err := name(&rejects[i], s); err != nil {
			return fmt.Errorf("name a rejected row of %s: %w", s, err)
		}
	}
	return nil
}
