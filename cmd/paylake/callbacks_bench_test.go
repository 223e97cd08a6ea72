package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkCallbacks delivers 200 callbacks a second to `paylake up` for ten
// seconds and reports how long the answers took, and how long the operations
// took to be seen in the warehouse.
func BenchmarkCallbacks(b *testing.B) {
	const rate, seconds = 200, 10
	g := newPlayground(b, 600)
	up := g.up(b)
	defer up.stop()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	for b.Loop() {
		bodies := make([]string, rate*seconds)
		for i := range bodies {
			bodies[i] = string(g.notice(b, fmt.Sprint(time.Now().UnixNano()/1000+int64(i)), "success", ""))
		}
		took := make([]time.Duration, len(bodies))
		var all sync.WaitGroup
		began := time.Now()
		for i, body := range bodies {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / rate)))
			all.Go(func() {
				sent := time.Now()
				resp, err := client.Post(up.origin+"/callbacks/flashpay/psp", "application/json", strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				resp.Body.Close()
				if took[i] = time.Since(sent); resp.StatusCode != 200 {
					b.Errorf("answered %d", resp.StatusCode)
				}
			})
		}
		all.Wait()
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		var seen []time.Duration // each with a query's own time, about half a second of a process's start
		for range 9 {
			id := fmt.Sprint(time.Now().UnixNano() / 1000)
			if code := up.deliver(b, "/callbacks/flashpay/psp", g.notice(b, id, "success", "")); code != 200 {
				b.Fatal(code)
			}
			seen = append(seen, g.eventually(b, "SELECT status FROM operations WHERE operation_id = '"+id+"'", "success"))
		}
		slices.Sort(seen)
		b.ReportMetric(seen[len(seen)/2].Seconds(), "median-s-to-the-warehouse")
	}
}
