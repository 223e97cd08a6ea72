// Package meters counts what a running paylake does, and shows it together with
// how everything stands in the format that Prometheus reads.
//
// Two kinds of figures: meters are counted as things happen, in this process and
// since its start; gauges are asked for when somebody looks, at most once in
// every Fresh, and are as good as the stores that answer.
package meters

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Meters are the figures of one process. Its methods may be called by many
// goroutines.
type Meters struct {
	registry *prometheus.Registry

	runs, windows, rows, stored, quarantined, retries *prometheus.CounterVec
	took                                              *prometheus.HistogramVec
}

// New makes the meters of a process of this version.
func New(version string) *Meters {
	m := &Meters{registry: prometheus.NewRegistry()}
	pipeline := []string{"pipeline", "source", "table"}
	m.runs = m.counter("paylake_runs_total", "Runs of a pipeline that ended, by exit code.", append(pipeline, "code")...)
	m.windows = m.counter("paylake_windows_committed_total", "Windows whose rows and completeness were committed.", pipeline...)
	m.rows = m.counter("paylake_rows_total", "Rows of runs, by what became of them: read, inserted, retracted, duplicate, rejected.", append(pipeline, "fate")...)
	m.stored = m.counter("paylake_stored_bytes_total", "Bytes of Parquet objects that were committed.", pipeline...)
	m.quarantined = m.counter("paylake_quarantined_rows_total", "Rejected rows not seen before.", pipeline...)
	m.retries = m.counter("paylake_upstream_retries_total", "Requests to an upstream that were tried again.", "source")
	m.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "paylake_run_seconds", Help: "How long a run of a pipeline took.",
		Buckets: []float64{.1, .3, 1, 3, 10, 30, 100, 300, 1000, 3000}}, pipeline)
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "paylake_build_info", Help: "1; the version that runs."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.took, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Meters) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// Run is what one run of a pipeline did.
type Run struct {
	Pipeline, Source, Table                         string
	Code                                            string // exit code
	Took                                            time.Duration
	Windows                                         int
	Read, Inserted, Retracted, Duplicates, Rejected int64
	Bytes, Quarantined                              int64
}

// Ran counts a run that has ended.
func (m *Meters) Ran(r Run) {
	labels := []string{r.Pipeline, r.Source, r.Table}
	m.runs.WithLabelValues(append(labels, r.Code)...).Inc()
	m.windows.WithLabelValues(labels...).Add(float64(r.Windows))
	m.stored.WithLabelValues(labels...).Add(float64(r.Bytes))
	m.quarantined.WithLabelValues(labels...).Add(float64(r.Quarantined))
	m.took.WithLabelValues(labels...).Observe(r.Took.Seconds())
	for fate, n := range map[string]int64{"read": r.Read, "inserted": r.Inserted, "retracted": r.Retracted, "duplicate": r.Duplicates, "rejected": r.Rejected} {
		m.rows.WithLabelValues(append(labels, fate)...).Add(float64(n))
	}
}

// Retried counts a request to an upstream that is tried again.
func (m *Meters) Retried(source string) { m.retries.WithLabelValues(source).Inc() }

// Watch adds figures that are asked for when somebody looks. now is the clock.
func (m *Meters) Watch(now func() time.Time, ask func(context.Context) ([]Gauge, error)) {
	m.registry.MustRegister(&watch{now: now, ask: ask})
}

// Register adds a collector of somebody else's, such as an HTTP server's.
func (m *Meters) Register(c prometheus.Collector) { m.registry.MustRegister(c) }

// Handler answers GET /metrics.
func (m *Meters) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4, Timeout: 30 * time.Second})
}
