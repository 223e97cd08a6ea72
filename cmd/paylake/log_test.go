package main

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestLogLeavesOut(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		p := &program{stderr: &out, logFormat: format}
		if err := p.setLog(slog.LevelDebug); err != nil {
			t.Fatal(err)
		}
		p.log.With("otp", "CANARY-1").Warn("kept", "wallet", "wlt_1", "err", errors.New("no answer from +994501234567"), "token", "CANARY-2",
			slog.Group("session", "access", "CANARY-3"), "rows", 7)
		if got := out.String(); strings.Contains(got, "CANARY") || strings.Contains(got, "994501") || !strings.Contains(got, "wlt_1") || !strings.Contains(got, "no answer from") {
			t.Errorf("%s", got)
		}
	}
}

// Every key that the code logs under is on the list: nothing is left out by
// mistake.
func TestLogKeysAreListed(t *testing.T) {
	used := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				for _, key := range keysOf(call) {
					used[key] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(used) < 10 {
		t.Fatalf("%v %v", used, err)
	}
	for key, path := range used {
		if !logKeys[key] {
			t.Errorf("%s logs under %q, which is not on the list: it would be left out", path, key)
		}
	}
}

// keysOf are the literal keys of a call such as x.log.Warn("…", "key", value).
func keysOf(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isLog(method.X) {
		return nil
	}
	first, known := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "DebugContext": 2}[method.Sel.Name]
	if !known {
		return nil
	}
	for i := first; i < len(call.Args); i += 2 {
		if text, ok := call.Args[i].(*ast.BasicLit); ok && text.Kind == token.STRING {
			key, _ := strconv.Unquote(text.Value)
			keys = append(keys, key)
		}
	}
	return keys
}

func isLog(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "log"
	case *ast.SelectorExpr:
		return x.Sel.Name == "log" || x.Sel.Name == "Log"
	case *ast.CallExpr:
		m, ok := x.Fun.(*ast.SelectorExpr)
		return ok && isLog(m.X)
	}
	return false
}
