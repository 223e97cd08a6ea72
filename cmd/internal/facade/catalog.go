package facade

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/paylake/paylake/pipeline/state"
)

// balance answers a wallet's newest balance.
func (s *server) balance(w http.ResponseWriter, r *http.Request, f state.FacadeSession) error {
	now, err := s.Warehouse.Standing(r.Context())
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("SELECT %s FROM balances_at(snapshot = %d) WHERE source = {source:String} AND wallet_id = {wallet:String} ORDER BY as_of DESC LIMIT 1",
		asText("currency", "formatDateTime(as_of, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC')", "available_minor", "reserved_minor"), now.Snapshot)
	rows, err := s.rows(r.Context(), sql, "analyst", map[string]string{"source": f.Source, "wallet": f.Wallet})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return trouble{status: http.StatusNotFound, word: "not_found", detail: "no balance of this wallet has been read yet"}
	}
	available, err := money(rows[0][2], rows[0][0])
	if err != nil {
		return err
	}
	reserved, err := money(rows[0][3], rows[0][0])
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"wallet_id": f.Wallet, "currency": rows[0][0], "as_of": rows[0][1], "available": available, "reserved": reserved})
}

// providers answers the bill catalogue of the wallet's source.
func (s *server) providers(w http.ResponseWriter, r *http.Request, f state.FacadeSession) error {
	return s.catalogue(w, r, f, "providers_at", "provider_code",
		[]string{"provider_code", "name_az", "name_en", "name_ru", "category", "service_code", "status", "formatDateTime(updated_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"},
		func(row []string) (map[string]any, error) {
			return map[string]any{"provider_code": row[0], "display_name": map[string]string{"az": row[1], "en": row[2], "ru": row[3]}, "category": row[4],
				"service_code": row[5], "status": row[6], "updated_at": row[7]}, nil
		})
}

// workflows answers what a telephone has to do for a meter's card.
func (s *server) workflows(w http.ResponseWriter, r *http.Request, f state.FacadeSession) error {
	return s.catalogue(w, r, f, "nfc_workflows_at", "workflow_id",
		[]string{"workflow_id", "provider_code", "platform", "card_family", "steps", "formatDateTime(updated_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"},
		func(row []string) (map[string]any, error) {
			var steps []any
			if err := json.Unmarshal([]byte(row[4]), &steps); err != nil {
				return nil, fmt.Errorf("steps of workflow %s: %w", row[0], err)
			}
			return map[string]any{"workflow_id": row[0], "provider_code": row[1], "platform": row[2], "card_family": row[3], "steps": steps, "updated_at": row[5]}, nil
		})
}

func (s *server) catalogue(w http.ResponseWriter, r *http.Request, f state.FacadeSession, view, key string, columns []string, show func([]string) (map[string]any, error)) error {
	p, err := s.begin(r, "")
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("SELECT %s FROM %s(snapshot = %d) WHERE source = {source:String} AND %s > {after:String} ORDER BY %s LIMIT %d",
		asText(columns...), view, p.Snapshot, key, key, pageRows+1)
	rows, err := s.rows(r.Context(), sql, "analyst", map[string]string{"source": f.Source, "after": p.After})
	if err != nil {
		return err
	}
	rows, more := page(rows)
	list := make([]map[string]any, 0, len(rows))
	for _, row := range rows {
		one, err := show(row)
		if err != nil {
			return err
		}
		list = append(list, one)
		p.After = row[0]
	}
	return answer(w, http.StatusOK, map[string]any{"version": strconv.FormatInt(p.Snapshot, 10), "rows": list, "next_cursor": next(p, more)})
}
