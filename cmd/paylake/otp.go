package main

// How one-time passwords are read: from a program, or from a person. They are
// never logged and live only as long as they are needed.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/paylake/paylake/config"
	"github.com/paylake/paylake/sources/mpay"
)

const otpPatience = 120 * time.Second

type otpReader func(context.Context, mpay.Challenge) (string, error)

// otpOf returns how a wallet's passwords are read; nil when only `paylake
// login` can.
func (p *program) otpOf(dir string, w config.Wallet) otpReader {
	switch {
	case len(w.OTP.Exec) > 0:
		return otpFromProgram(dir, w.OTP.Exec, otpPatience)
	case w.OTP.Prompt:
		return p.askOTP
	}
	return nil
}

// otpFromProgram runs a program that prints the password. Its output is not
// shown to anybody, whatever it prints.
func otpFromProgram(dir string, argv []string, patience time.Duration) otpReader {
	return func(ctx context.Context, c mpay.Challenge) (string, error) {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		cmd := exec.CommandContext(limited, argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PAYLAKE_WALLET="+c.Wallet, "PAYLAKE_MSISDN="+c.MSISDN, "PAYLAKE_CHALLENGE="+c.ID)
		out := &capped{limit: 4 << 10}
		cmd.Stdout = out
		cmd.WaitDelay = time.Second // a grandchild may keep the pipe open
		cmd.SysProcAttr = dyingWithUs()
		err := runOnOneThread(cmd)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case limited.Err() != nil:
			return "", fmt.Errorf("otp program %s of wallet %s: no answer within %s", argv[0], c.Wallet, patience)
		case err != nil:
			return "", fmt.Errorf("otp program %s of wallet %s: %w; run it by hand", argv[0], c.Wallet, err)
		}
		code := strings.TrimSpace(out.String())
		if code == "" {
			return "", fmt.Errorf("otp program %s of wallet %s printed nothing; run it by hand", argv[0], c.Wallet)
		}
		return code, nil
	}
}

// runOnOneThread runs a command from a thread that lives as long as it does:
// the kernel ends the command with the thread that started it.
func runOnOneThread(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer
	limit int
}

func (c *capped) Write(b []byte) (int, error) {
	if room := c.limit - c.Len(); room > 0 {
		c.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// askOTP asks the person at standard input. Nobody there: mpay.ErrNoOTP.
func (p *program) askOTP(ctx context.Context, c mpay.Challenge) (string, error) {
	p.stdin.turn.Lock()
	defer p.stdin.turn.Unlock()
	patience := otpPatience
	if !c.ExpiresAt.IsZero() {
		patience = max(c.ExpiresAt.Sub(p.now()), time.Second)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fmt.Fprintf(p.stderr, "Code for wallet %s: ", c.Wallet)
	code, err := p.stdin.line(limited)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, errNoInput), err != nil, code == "":
		fmt.Fprintln(p.stderr)
		return "", fmt.Errorf("nobody typed a code: %w", mpay.ErrNoOTP)
	}
	return code, nil
}
