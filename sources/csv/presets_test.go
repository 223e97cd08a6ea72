package csv

import (
	"os"
	"strings"
	"testing"
)

// Every preset reads its own sample: every row, every heading, nothing left
// over but what the sample shows on purpose.
func TestPresetsReadTheirSamples(t *testing.T) {
	want := map[string]struct {
		rows, outside int
		column, value string // of the first row
	}{
		"birbank":         {3, 1, "amount_minor", "-4860"},
		"abb_mobile":      {2, 0, "balance_after_minor", "196260"},
		"pasha_bank":      {2, 0, "signature_method", "sima"},
		"leobank":         {3, 0, "amount_minor", "-420"},
		"emanat":          {2, 1, "status", "completed"},
		"million":         {2, 0, "status", "active"},
		"pulz":            {2, 0, "amount_minor", "-106215"},
		"akart":           {2, 0, "points_centi", "1250"},
		"flashpay_report": {2, 0, "amount_minor", "50000"},
	}
	if len(Presets()) != len(want) {
		t.Fatalf("presets are %v", Presets())
	}
	for _, name := range Presets() {
		m, err := MappingOf(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(m.Note, "sample to adjust") {
			t.Errorf("%s does not say that it is a sample", name)
		}
		text, err := os.ReadFile("presets/samples/" + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		w, o := want[name], readFile(t, m, string(text))
		if o.err != nil || len(o.rows) != w.rows || len(o.rejects) != 0 || o.outside != w.outside {
			t.Errorf("%s: %d rows, %d outside, rejects %+v, %v", name, len(o.rows), o.outside, o.rejects, o.err)
			continue
		}
		if got := o.rows[0][w.column]; got != w.value {
			t.Errorf("%s: %s is %q, want %q", name, w.column, got, w.value)
		}
		for _, r := range o.rows {
			for column, value := range r {
				if strings.Contains(value, "501234567") || strings.Contains(value, "551112233") {
					t.Errorf("%s: %s shows a telephone number: %s", name, column, value)
				}
			}
		}
	}
}

// Numbers of persons are masked wherever they stand; references are not.
func TestFreeTextIsMasked(t *testing.T) {
	m := plainBank()
	for text, secret := range map[string]string{"zəng 0501234567 ok": "1234567", "+994 50 123 45 67": "123 45", "00994501234567": "1234567",
		"501234567": "1234567", "kart 4111 1111 1111 1111.": "1111 1111 1111", "994501234567/994501234567": "1234567", "(050) 123-45-67": "123-45"} {
		o := readFile(t, m, heading+"R1;acc;01.04.2026;1,00;AZN;"+text+";y;z\n")
		if len(o.rows) != 1 || strings.Contains(o.rows[0]["remittance_information"], secret) {
			t.Errorf("%q became %v", text, o.rows)
		}
	}
	for _, text := range []string{"qəbz 00123456", "abonent 1000245871", "RRN 603118822990", "Faktura 2026/17", "=HYPERLINK(\"x\")"} {
		o := readFile(t, m, heading+"R1;acc;01.04.2026;1,00;AZN;\""+strings.ReplaceAll(text, "\"", "\"\"")+"\";y;z\n")
		if len(o.rows) != 1 || o.rows[0]["remittance_information"] != text {
			t.Errorf("%q became %v", text, o.rows)
		}
	}
}
