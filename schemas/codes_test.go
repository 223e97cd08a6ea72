package schemas

import "testing"

func TestHideCodes(t *testing.T) {
	for text, want := range map[string]string{"": "", "code 4711": "code ***", "47 11": "***", "4-7-1-1.": "***.", "471108!": "***!", "by 123": "by 123", "12.34": "12.34",
		"٤٧١١": "***", "a1b2c3d4": "a1b2c3d4", "+996 555 123456": "+***"} {
		if got := HideCodes(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
