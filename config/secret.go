package config

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"

	"gocloud.dev/runtimevar"
	_ "gocloud.dev/runtimevar/blobvar"
	_ "gocloud.dev/runtimevar/filevar"
	_ "gocloud.dev/runtimevar/httpvar"
)

const hidden = "***"

// Secret is a reference to a value that must not be seen: env:NAME, file:PATH
// or a gocloud.dev/runtimevar URL. It prints *** in every format; Value reads
// what it refers to. The zero Secret is absent.
type Secret struct{ open func() *secret }

// secret is behind a function so that even reflection over unexported fields
// prints an address.
type secret struct {
	key    string // path in the configuration, for messages
	ref    string // env:NAME, file:/absolute/path, or a URL
	plain  bool   // ref is the value itself (`secrets: base64key://…`, `state: sqlite://…`)
	getenv func(string) string
}

// IsZero reports whether the key is absent.
func (s Secret) IsZero() bool { return s.open == nil }

func newSecret(s secret) Secret { return Secret{func() *secret { return &s }} }

// Value reads the secret: the bytes it refers to without one trailing newline.
// Errors name the key and the reference, never the value.
func (s Secret) Value(ctx context.Context) ([]byte, error) {
	if s.IsZero() {
		return nil, errors.New("secret is not configured")
	}
	p := s.open()
	v, err := p.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.key, err)
	}
	v = bytes.TrimSuffix(bytes.TrimSuffix(v, []byte("\n")), []byte("\r"))
	if len(v) == 0 {
		return nil, fmt.Errorf("%s: %s is empty; put the secret there", p.key, p.source())
	}
	return v, nil
}

// Key is the path of the key in the configuration.
func (s Secret) Key() string { return s.open().key }

// Reference names where the value comes from without showing it.
func (s Secret) Reference() string { return s.open().source() }

// File is the absolute path that the secret is read from, if it is a file.
func (s Secret) File() (string, bool) { return localFile(s.open().ref) }

// Text is Value as a string.
func (s Secret) Text(ctx context.Context) (string, error) {
	v, err := s.Value(ctx)
	return string(v), err
}

// Values reads a list of secrets.
func Values(ctx context.Context, list []Secret) ([][]byte, error) {
	var out [][]byte
	for _, s := range list {
		v, err := s.Value(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *secret) read(ctx context.Context) ([]byte, error) {
	if s.plain {
		return []byte(s.ref), nil
	}
	if name, ok := strings.CutPrefix(s.ref, "env:"); ok {
		v := s.getenv(name)
		if v == "" {
			return nil, fmt.Errorf("the environment variable %s is not set; export it first", name)
		}
		return []byte(v), nil
	}
	if path, ok := localFile(s.ref); ok {
		v, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the secret's file: %w", err)
		}
		return v, nil
	}
	return readVariable(ctx, s.ref)
}

// readVariable asks a gocloud.dev/runtimevar URL once.
func readVariable(ctx context.Context, ref string) ([]byte, error) {
	v, err := runtimevar.OpenVariable(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("open the secret's variable: %w", err)
	}
	defer v.Close()
	snap, err := v.Latest(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the secret's variable: %w", err)
	}
	switch val := snap.Value.(type) {
	case []byte:
		return val, nil
	case string:
		return []byte(val), nil
	}
	return nil, errors.New("the secret's variable is neither text nor bytes; write ?decoder=bytes")
}

// source names where the value comes from without showing it.
func (s *secret) source() string {
	if s.plain {
		return "the value"
	}
	if strings.HasPrefix(s.ref, "env:") || strings.HasPrefix(s.ref, "file:") {
		return s.ref
	}
	return "the variable"
}

// localFile returns the path of file:PATH, and of a file URL without a decoder.
func localFile(ref string) (string, bool) {
	rest, ok := strings.CutPrefix(ref, "file:")
	if !ok {
		return "", false
	}
	if !strings.HasPrefix(rest, "//") {
		return rest, true
	}
	u, err := url.Parse(ref)
	if err != nil || u.RawQuery != "" {
		return "", false
	}
	return u.Path, true
}

// plainSecret holds a value that stands in the file itself.
func plainSecret(key, value string) Secret {
	return newSecret(secret{key: key, ref: value, plain: true})
}

// Format prints *** for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// String returns ***.
func (s Secret) String() string { return hidden }

// MarshalText makes JSON, XML and text encoders print ***.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML prints ***.
func (s Secret) MarshalYAML() (any, error) { return hidden, nil }

// LogValue prints *** in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

var (
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// variableSchemes are the runtimevar drivers that are built in. Not
	// constant://: it would be the secret itself.
	variableSchemes = []string{"file", "http", "https", "blob"}
)

// isReference reports whether text has the form of a reference.
func isReference(text string) bool {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		return envName.MatchString(name)
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		return path != "" && path != "//"
	}
	for _, scheme := range variableSchemes {
		if strings.HasPrefix(text, scheme+"://") {
			u, err := url.Parse(text)
			return err == nil && u.User == nil && u.Host != ""
		}
	}
	return false
}

const keyScheme = "base64key://"

// KeeperKey decodes a base64key:// URL, in any base64 alphabet, padded or not.
// ok is false for a URL of another scheme. Errors never show the key.
func KeeperKey(keeperURL string) (key [32]byte, ok bool, err error) {
	text, ok := strings.CutPrefix(keeperURL, keyScheme)
	if !ok {
		return key, false, nil
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(key) {
		return key, true, errors.New("base64key:// needs 32 bytes in base64; make one with: openssl rand -base64 32")
	}
	return [32]byte(raw), true, nil
}
