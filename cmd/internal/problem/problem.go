// Package problem answers HTTP requests with RFC 9457 problem+json.
package problem

import (
	"encoding/json"
	"net/http"
)

// Write answers with a status and one sentence, which must quote nothing secret.
func Write(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client went away
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail,
	})
}
