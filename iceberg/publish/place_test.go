package publish

import (
	"strings"
	"testing"

	"github.com/apache/iceberg-go/io"

	"github.com/paylake/paylake/schemas"
)

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ lake, warehouse, root, tables, says string }{
		{"file:///srv/lake", "", "file:///srv/lake", "file:///srv/lake/iceberg", ""},
		{"file:///srv/lake/", "file:///srv/tables/", "file:///srv/lake", "file:///srv/tables", ""},
		{"s3://b?region=eu-central-1", "", "s3://b", "s3://b/iceberg", ""},
		{"s3://b?prefix=a/b/", "s3://b/w", "s3://b/a/b", "s3://b/w", ""},
		{"s3://b?prefix=a", "", "", "", "does not end with a slash"},
		{"s3://b?profile=x", "", "", "", "AWS_PROFILE"},
		{"s3://b", "s3://c/w", "", "", "another storage"},
		{"file:///srv/lake", "s3://b/w", "", "", "another storage"},
		{"file:///srv/my%20lake", "", "", "", "escaped"},
		{"file:///srv/lake", "file:///srv/lake/objects/x", "", "", "inside the lake"},
		{"file:///srv/lake", "file:///srv/lake", "", "", "inside the lake"},
		{"gs://b", "", "", "", "file:// and s3://"},
	} {
		p, err := PlaceOf(c.lake, c.warehouse)
		switch {
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s %s: %v, want a word about %q", c.lake, c.warehouse, err, c.says)
		case c.says == "" && (err != nil || p.Root != c.root || p.Warehouse != c.tables):
			t.Errorf("%s %s: %+v %v", c.lake, c.warehouse, p, err)
		}
	}
	p, err := PlaceOf("s3://b?endpoint=http://127.0.0.1:1&use_path_style=true&region=r", "")
	if err != nil || p.Props[io.S3EndpointURL] != "http://127.0.0.1:1" || p.Props[io.S3Region] != "r" || p.Props[io.S3ForceVirtualAddressing] != "false" {
		t.Errorf("%+v %v", p, err)
	}
	if got := clickHouseTable(Place{}, "s3://b/iceberg/ledger"); got != "icebergS3('https://b.s3.us-east-1.amazonaws.com/iceberg/ledger')" {
		t.Error(got)
	}
}

// Every table of the lake can be published: its columns have types, its rows a
// key, its objects a partition; and a column that came later, or is kept, is
// optional, so that objects from before can be read.
func TestEveryTableHasASchema(t *testing.T) {
	for _, table := range schemas.All() {
		kept := table.Keep("zzz")
		s := schemaOf(kept)
		if _, err := specOf(kept, s); err != nil {
			t.Error(err)
		}
		for _, f := range kept.Fields {
			got, ok := s.FindFieldByName(f.Name)
			if !ok || got.Required == (f.Nullable || f.Since > 1 || f.Kept) {
				t.Errorf("%s.%s: %+v", table.Name, f.Name, got)
			}
		}
		for _, k := range KeyOf(table) {
			if !table.Has(k) {
				t.Errorf("%s has no key column %s", table.Name, k)
			}
		}
		if m := missing(kept, schemaOf(table)); len(m) != 1 || m[0].Name != "zzz" {
			t.Errorf("%s: new columns %v", table.Name, m)
		}
	}
}
