package publish

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/paylake/paylake/sinks"
)

// restServer speaks the part of the REST catalogue protocol that a publisher
// needs, over a catalogue that keeps the tables: requirements are checked and
// metadata is written here, not by the client.
type restServer struct {
	cat   catalog.Catalog
	token string
	calls int
}

func (s *restServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/config", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}})
	})
	mux.HandleFunc("POST /v1/namespaces", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Namespace []string `json:"namespace"`
		}
		if read(w, r, &in) && worked(w, s.cat.CreateNamespace(r.Context(), in.Namespace, nil)) {
			answer(w, map[string]any{"namespace": in.Namespace, "properties": map[string]string{}})
		}
	})
	mux.HandleFunc("GET /v1/namespaces/{ns}", func(w http.ResponseWriter, r *http.Request) {
		props, err := s.cat.LoadNamespaceProperties(r.Context(), table.Identifier{r.PathValue("ns")})
		if worked(w, err) {
			answer(w, map[string]any{"namespace": []string{r.PathValue("ns")}, "properties": props})
		}
	})
	mux.HandleFunc("GET /v1/namespaces/{ns}/tables", s.list)
	mux.HandleFunc("POST /v1/namespaces/{ns}/tables", s.create)
	mux.HandleFunc("GET /v1/namespaces/{ns}/tables/{name}", func(w http.ResponseWriter, r *http.Request) {
		t, err := s.cat.LoadTable(r.Context(), at(r))
		if worked(w, err) {
			answer(w, map[string]any{"metadata-location": t.MetadataLocation(), "metadata": t.Metadata(), "config": map[string]string{}})
		}
	})
	mux.HandleFunc("POST /v1/namespaces/{ns}/tables/{name}", s.commit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls++
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			http.Error(w, `{"error":{"message":"who are you?","type":"NotAuthorizedException","code":401}}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func at(r *http.Request) table.Identifier {
	return table.Identifier{r.PathValue("ns"), r.PathValue("name")}
}

func (s *restServer) list(w http.ResponseWriter, r *http.Request) {
	ids := []any{}
	for id, err := range s.cat.ListTables(r.Context(), table.Identifier{r.PathValue("ns")}) {
		if !worked(w, err) {
			return
		}
		ids = append(ids, map[string]any{"namespace": []string{r.PathValue("ns")}, "name": catalog.TableNameFromIdent(id)})
	}
	answer(w, map[string]any{"identifiers": ids})
}

func (s *restServer) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name     string                `json:"name"`
		Schema   *iceberg.Schema       `json:"schema"`
		Location string                `json:"location"`
		Spec     iceberg.PartitionSpec `json:"partition-spec"`
		Props    iceberg.Properties    `json:"properties"`
	}
	if !read(w, r, &in) {
		return
	}
	t, err := s.cat.CreateTable(r.Context(), table.Identifier{r.PathValue("ns"), in.Name}, in.Schema,
		catalog.WithLocation(in.Location), catalog.WithPartitionSpec(&in.Spec), catalog.WithProperties(in.Props))
	if worked(w, err) {
		answer(w, map[string]any{"metadata-location": t.MetadataLocation(), "metadata": t.Metadata(), "config": map[string]string{}})
	}
}

func (s *restServer) commit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Requirements table.Requirements `json:"requirements"`
		Updates      table.Updates      `json:"updates"`
	}
	if !read(w, r, &in) {
		return
	}
	meta, location, err := s.cat.CommitTable(r.Context(), at(r), in.Requirements, in.Updates)
	if worked(w, err) {
		answer(w, map[string]any{"metadata-location": location, "metadata": meta})
	}
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(r.Body).Decode(into)
	if err != nil {
		http.Error(w, `{"error":{"message":"`+strings.ReplaceAll(err.Error(), `"`, `'`)+`","type":"BadRequestException","code":400}}`, http.StatusBadRequest)
	}
	return err == nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// worked answers an error with the status that the protocol has for it.
func worked(w http.ResponseWriter, err error) bool {
	code := http.StatusInternalServerError
	switch {
	case err == nil:
		return true
	case errors.Is(err, catalog.ErrNoSuchTable), errors.Is(err, catalog.ErrNoSuchNamespace):
		code = http.StatusNotFound
	case errors.Is(err, table.ErrCommitFailed), errors.Is(err, catalog.ErrTableAlreadyExists), errors.Is(err, catalog.ErrNamespaceAlreadyExists),
		strings.Contains(err.Error(), "requirement failed"):
		code = http.StatusConflict
	}
	w.WriteHeader(code)
	answer(w, map[string]any{"error": map[string]any{"message": err.Error(), "type": "Error", "code": code}})
	return false
}

// A REST catalogue, by URL and with a token: the same tables, the same guards.
func TestREST(t *testing.T) {
	w := compactedWorld(t)
	kept := w.open("sqlite://" + filepath.Join(w.dir, "server.db"))
	s := &restServer{cat: kept, token: "canary-rest-token"}
	server := httptest.NewServer(s.handler())
	defer server.Close()
	if _, _, err := OpenCatalog(t.Context(), server.URL, "wrong", w.place); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("without the token: %v", err)
	}
	cat, closeCatalog, err := OpenCatalog(t.Context(), server.URL, s.token, w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeCatalog() }()
	w.cat = cat
	w.publish(func(o *Options) { o.Window = 2 })
	if got, want := w.entries(), w.named(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if again := w.publish(); len(again.Tables) != 0 || s.calls < 10 {
		t.Errorf("with nothing new: %+v after %d calls", again, s.calls)
	}

	// Somebody else publishes between this publisher's look and its commit.
	f := &fragile{Catalog: cat}
	f.meet = func() {
		if f.calls == 0 {
			w.publish()
		}
	}
	w.commit(catalogue(t, provider{"p", "P", "active"}))
	if _, err := w.publisher(func(o *Options) { o.Catalog = f }).Publish(t.Context()); !errors.Is(err, sinks.ErrBusy) {
		t.Errorf("too late: %v", err)
	}
	if got, want := w.entries(), w.named(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	r := startReader(t, w.dir)
	if n := w.same(r, w.file); n != 9 {
		t.Errorf("%d states, want 9", n)
	}
}
