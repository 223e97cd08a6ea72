package sinktest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/paylake/paylake/schemas"
	"github.com/paylake/paylake/sinks"
)

// ErrFault is the error of an injected fault.
var ErrFault = errors.New("injected fault")

// Faults decides which operations fail, and counts them: a fault that never
// fired proves nothing. Every second fault is a ghost. Safe for concurrent use.
type Faults struct {
	// Every is the number of operations of which one fails; 1: all of them but
	// every second one, so that repeating helps in the end.
	Every int
	Calls atomic.Int64
	Lost  atomic.Int64 // failed and not stored
	Ghost atomic.Int64 // failed but stored
}

// Do runs an operation, perhaps with a fault.
func (f *Faults) Do(op func() error) error {
	n := f.Calls.Add(1)
	if every := int64(max(f.Every, 1)) + 1; n%every != 0 {
		return op()
	}
	if (f.Lost.Load()+f.Ghost.Load())%2 == 0 {
		f.Lost.Add(1)
		return ErrFault
	}
	f.Ghost.Add(1)
	if err := op(); err != nil {
		return err
	}
	return ErrFault
}

// Faulty wraps a sink whose commits fail now and then: some before and some
// after they were stored.
func Faulty(s sinks.Sink, f *Faults) sinks.Sink { return faulty{s, f} }

type faulty struct {
	sinks.Sink
	faults *Faults
}

// Commit implements sinks.Sink.
func (s faulty) Commit(ctx context.Context, b sinks.Batch) (r sinks.Receipt, err error) {
	called := false
	err = s.faults.Do(func() (err error) {
		called = true
		r, err = s.Sink.Commit(ctx, b)
		return err
	})
	if !called { // a sink owns the rows also when it fails
		for i := range b.Parts {
			b.Parts[i].Release()
		}
	}
	return r, err
}

// Done implements sinks.Sink.
func (s faulty) Done(ctx context.Context, st schemas.Stream) (sinks.Done, error) {
	return s.Sink.Done(ctx, st)
}
