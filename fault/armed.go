//go:build paylake_faults

// Package fault, in a program that is built to be killed. The environment says
// what happens at its points:
//
//	PAYLAKE_FAULT=NAME#N           SIGKILL at the Nth passing of the point NAME
//	PAYLAKE_FAULT=NAME#N=URL       ask URL instead, and go on when it has answered
//	PAYLAKE_FAULT_TRACE=FILE       append the name of every point that is passed
//
// Several faults are separated by commas.
package fault

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

type plan struct {
	name string
	at   int
	url  string
}

var armed struct {
	once   sync.Once
	mu     sync.Mutex
	plans  []plan
	passed map[string]int
	trace  *os.File
}

// Point counts the passing of a point and carries out what was planned for it.
func Point(name string) {
	armed.once.Do(arm)
	armed.mu.Lock()
	armed.passed[name]++
	n := armed.passed[name]
	if armed.trace != nil {
		fmt.Fprintln(armed.trace, name)
	}
	var ask []string
	for _, p := range armed.plans {
		switch {
		case p.name != name || p.at != n:
		case p.url != "":
			ask = append(ask, p.url)
		default:
			die() // with the lock held: nobody passes another point meanwhile
		}
	}
	armed.mu.Unlock()
	for _, url := range ask {
		resp, err := http.Get(url)
		if err != nil {
			panic(fmt.Sprintf("fault %s: %v", name, err))
		}
		_ = resp.Body.Close()
	}
}

// die is what a crash is: no deferred call runs, no buffer is flushed.
func die() {
	me, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = me.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

func arm() {
	armed.passed = map[string]int{}
	if path := os.Getenv("PAYLAKE_FAULT_TRACE"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		armed.trace = f
	}
	for text := range strings.SplitSeq(os.Getenv("PAYLAKE_FAULT"), ",") {
		if text == "" {
			continue
		}
		text, url, _ := strings.Cut(text, "=")
		name, number, ok := strings.Cut(text, "#")
		at, err := strconv.Atoi(number)
		if !ok || err != nil || at < 1 {
			panic("PAYLAKE_FAULT: " + text + " is not NAME#N")
		}
		armed.plans = append(armed.plans, plan{name, at, url})
	}
}
