package meters

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Gauge is one figure as it stands.
type Gauge struct {
	Name   string // of Prometheus: paylake_…, with its unit at the end
	Help   string
	Labels [][2]string // name and value; every gauge of a name has the same names
	Value  float64
}

// Fresh is how long an answer serves: several who look at once ask the stores
// once.
const Fresh = time.Minute

// patience is how long the stores may take; afterwards the last answer stands.
const patience = 25 * time.Second

// watch asks for gauges when it is collected.
type watch struct {
	now func() time.Time
	ask func(context.Context) ([]Gauge, error)

	mu   sync.Mutex
	last []Gauge
	at   time.Time
	good bool
}

// Describe tells nothing: which gauges there are follows from the configuration
// and from what was found.
func (w *watch) Describe(chan<- *prometheus.Desc) {}

// Collect shows the gauges, and whether they are of now.
func (w *watch) Collect(out chan<- prometheus.Metric) {
	gauges, at, good := w.current()
	for _, g := range append(gauges,
		Gauge{Name: "paylake_state_known", Help: "1 when the gauges below could be asked for, 0 when they are of an earlier moment.", Value: truth(good)},
		Gauge{Name: "paylake_state_timestamp_seconds", Help: "When the gauges were asked for.", Value: Seconds(at)}) {
		names, values := make([]string, len(g.Labels)), make([]string, len(g.Labels))
		for i, l := range g.Labels {
			names[i], values[i] = l[0], l[1]
		}
		m, err := prometheus.NewConstMetric(prometheus.NewDesc(g.Name, g.Help, names, nil), prometheus.GaugeValue, g.Value, values...)
		if err != nil {
			m = prometheus.NewInvalidMetric(prometheus.NewDesc(g.Name, g.Help, nil, nil), err)
		}
		out <- m
	}
}

func (w *watch) current() ([]Gauge, time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); w.at.IsZero() || now.Sub(w.at) >= Fresh || !w.good {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		gauges, err := w.ask(ctx)
		if w.good = err == nil; w.good {
			w.last, w.at = gauges, now
		}
	}
	return w.last, w.at, w.good
}

// Seconds is an instant as Prometheus counts it; 0 for none.
func Seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
