package memory_test

import (
	"testing"
	"time"

	"github.com/paylake/paylake/sinks"
	"github.com/paylake/paylake/sinks/memory"
	"github.com/paylake/paylake/sinks/sinktest"
)

func TestSink(t *testing.T) {
	sinktest.Run(t, func(testing.TB) func() sinks.Sink {
		s := memory.New(func() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) })
		return func() sinks.Sink { return s }
	})
}
