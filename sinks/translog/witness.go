package translog

import (
	"encoding/base64"
	"strings"
)

// algCosignature marks the keys of witnesses (https://c2sp.org/tlog-cosignature).
const algCosignature = 4

func isWitnessKey(vkey string) bool {
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	return len(parts) == 3 && err == nil && len(raw) > 0 && raw[0] == algCosignature
}
