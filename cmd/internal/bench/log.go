package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paylake/paylake/sinks/lake"
	"github.com/paylake/paylake/sinks/translog"
)

// othersLog begins a lake whose log is somebody else's: without its key a run
// commits and logs nothing, and all else is as it is.
func othersLog(ctx context.Context, url string) (err error) {
	skey, _, err := translog.GenerateKey("")
	if err != nil {
		return err
	}
	signer, err := translog.ParseSigner([]byte(skey))
	if err != nil {
		return err
	}
	l, err := lake.Open(ctx, lake.Options{URL: url, Now: time.Now, Create: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	_, err = l.Log(lake.LogOptions{Signer: signer}).Begin(ctx)
	return err
}

// logShare runs the main job with and without the log, turn about, and prints
// what the log adds to the processor time of paylake and ClickHouse together.
func logShare(ctx context.Context, o options, up *upstream) error {
	var shares []float64
	for n := range o.pairs {
		cpu := map[bool]time.Duration{}
		for i := range 2 {
			o.log = i == n%2 // each goes first half of the times
			p, remove, err := startPipeline(ctx, o, up)
			if err == nil {
				var r result
				r, err = p.run(ctx)
				p.stop()
				cpu[o.log] = r.cpu + r.engine
			}
			remove()
			if err != nil {
				return err
			}
		}
		shares = append(shares, 100*(cpu[true]-cpu[false]).Seconds()/cpu[false].Seconds())
		fmt.Printf("pair %d: CPU with the log %.3f s, without %.3f s: %+.1f %%\n", n+1, cpu[true].Seconds(), cpu[false].Seconds(), shares[n])
	}
	slices.Sort(shares)
	fmt.Printf("the log adds %+.1f %% of CPU (median of %d pairs; from %+.1f to %+.1f; required < 2)\n", (shares[(len(shares)-1)/2]+shares[len(shares)/2])/2, len(shares), shares[0], shares[len(shares)-1])
	return nil
}
