package publish

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks/clickhouse/servertest"
	"github.com/paylake/paylake/sinks/lake"
)

// reader is a real ClickHouse that knows nothing of paylake.
type reader struct {
	t  testing.TB
	at string
}

// startReader starts one that may read the files of a folder.
func startReader(t testing.TB, folder string) reader {
	t.Helper()
	s := servertest.Start(t, servertest.User("reader", "pw"), servertest.Files(folder))
	return reader{t, "http://" + s.HTTPAddr}
}

// try returns the answer as tab-separated lines.
func (r reader) try(sql string, settings ...string) (string, error) {
	r.t.Helper()
	q := url.Values{"user": {"reader"}, "password": {"pw"}}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		q.Set(name, value)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.at+"/?"+q.Encode(), strings.NewReader(sql))
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%.600s", body)
	}
	return strings.TrimSuffix(string(body), "\n"), nil
}

func (r reader) ask(sql string, settings ...string) string {
	r.t.Helper()
	got, err := r.try(sql, settings...)
	if err != nil {
		r.t.Fatalf("%s\n%v", sql, err)
	}
	return got
}

// summed is a query for what truth says, and for the columns of every row.
func summed(t *schemas.Table, from string) string {
	amount, columns := "0", []string{lake.ColumnRevision, lake.ColumnSign}
	if t.Amount != "" {
		amount = "sum(sign * " + t.Amount + ")"
	}
	for _, f := range t.Fields {
		columns = append(columns, f.Name)
	}
	return fmt.Sprintf("SELECT count(), sum(sign), %s, groupBitXor(sipHash64(%s)) FROM %s", amount, strings.Join(columns, ", "), from)
}

// truth is the same of the lake as of a manifest: numbers from the manifests of
// rows, the rows' hash from the objects that these name, read as plain files,
// whether they were merged later or not.
func truth(r reader, w writer, t *schemas.Table, asOf int64, files func(path string) string) string {
	r.t.Helper()
	var rows, visible int64
	amount := new(big.Int)
	var parts []string
	for e, err := range w.Manifests(r.t.Context(), 1) {
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Table != t.Name || e.Sequence > asOf || e.Kind != lake.KindData {
			continue
		}
		for _, c := range e.Totals {
			visible += c.Count
		}
		for _, o := range e.Objects {
			rows += o.Rows
			for _, s := range o.Sums {
				amount.Add(amount, s.Amount.Big())
			}
			parts = append(parts, "SELECT * FROM "+files(o.Path))
		}
	}
	hashed := strings.Split(r.ask(summed(t, "("+strings.Join(parts, " UNION ALL ")+")")), "\t")
	if t.Amount == "" {
		amount.SetInt64(0)
	}
	return fmt.Sprintf("%d\t%d\t%s\t%s", rows, visible, amount, hashed[3])
}
