package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// CostCentre books what is paid to a provider to a cost centre of the books.
type CostCentre struct {
	ProviderCode string // of the catalogue
	CostCentre   string // as the books write it
	Line         int    // in the file
}

// costCentreColumns is the header of the file.
var costCentreColumns = []string{"provider_code", "cost_centre"}

// ReadCostCentres reads a file of cost centres. Its error is an *Error with
// every problem and its line.
func ReadCostCentres(path string) ([]CostCentre, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Problems: []Problem{unreadCentres(path, err)}}
	}
	out, problems := parseCostCentres(path, text)
	if len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return out, nil
}

func unreadCentres(path string, err error) Problem {
	return Problem{File: path, Key: "cost_centres", Text: fmt.Sprintf("the cost centres cannot be read: %s; write a CSV file with the header %s", reasonOf(err), strings.Join(costCentreColumns, ","))}
}

// costCentres reads the file that `cost_centres:` names. Its problems carry its
// own file name and lines.
func (r *reader) costCentres(path string) []CostCentre {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		r.at("cost_centres", "%s", unreadCentres(path, err).Text)
		return nil
	}
	out, problems := parseCostCentres(path, text)
	r.list = append(r.list, problems...)
	return out
}

// parseCostCentres reads the file strictly: every line counts, or is a problem.
func parseCostCentres(file string, text []byte) (out []CostCentre, problems []Problem) {
	seen := map[string]int{}
	problems = strictCSV(file, "cost_centres", text, costCentreColumns, func(record []string, line int) string {
		switch {
		case len(record) != len(costCentreColumns):
			return fmt.Sprintf("it has %d fields, the header has %d; quote a field that holds a comma", len(record), len(costCentreColumns))
		case record[0] == "" || record[1] == "":
			return costCentreColumns[slices.Index(record, "")] + " is missing"
		case seen[record[0]] > 0:
			return fmt.Sprintf("%s is named on line %d already; remove one of the two", record[0], seen[record[0]])
		}
		seen[record[0]] = line
		out = append(out, CostCentre{record[0], record[1], line})
		return ""
	})
	return out, problems
}
