package translog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// algCosignature marks the keys of witnesses (https://c2sp.org/tlog-cosignature).
const algCosignature = 4

func isWitnessKey(vkey string) bool {
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	return len(parts) == 3 && err == nil && len(raw) > 0 && raw[0] == algCosignature
}

// Witness is the verifier key of somebody who cosigns checkpoints that continue
// what he saw before. It implements note.Verifier.
type Witness struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

// ParseWitnesses reads a file of witnesses' verifier keys, one per line.
func ParseWitnesses(file []byte) ([]Witness, error) {
	var out []Witness
	for i, line := range keyLines(file) {
		parts := strings.SplitN(line, "+", 3)
		if len(parts) != 3 || !isWitnessKey(line) {
			return nil, fmt.Errorf("key %d is no witness's key (name+id+base64 of type 4, Ed25519 cosignatures)", i+1)
		}
		raw, _ := base64.StdEncoding.DecodeString(parts[2])
		sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
		w := Witness{parts[0], binary.BigEndian.Uint32(sum[:4]), raw[1:]}
		if len(w.key) != ed25519.PublicKeySize || fmt.Sprintf("%08x", w.id) != parts[1] {
			return nil, fmt.Errorf("key %d is damaged: its id does not fit its key", i+1)
		}
		out = append(out, w)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no witness's key in it")
	}
	return out, nil
}

// Name implements note.Verifier.
func (w Witness) Name() string { return w.name }

// KeyHash implements note.Verifier.
func (w Witness) KeyHash() uint32 { return w.id }

// String is the key's name and id.
func (w Witness) String() string { return keyName(w.name, w.id) }

// Verify implements note.Verifier: a signature is a time and an Ed25519
// signature over the time and the note.
func (w Witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at)
	return at < 1<<63 && ed25519.Verify(w.key, append(signed, msg...), sig[8:])
}

// Cosigned checks a cosignature of a checkpoint: the signature line of one
// witness. It returns when he signed.
func (w Witness) Cosigned(checkpoint []byte, line string) (time.Time, error) {
	n, err := note.Open(withLines(checkpoint, line), note.VerifierList(w))
	if err != nil {
		return time.Time{}, fmt.Errorf("the cosignature of %s does not hold: %w: %w", w, err, ErrInvalid)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil || len(raw) < 12 {
		return time.Time{}, fmt.Errorf("the cosignature of %s is not in base64 proper: %w", w, ErrInvalid)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC(), nil
}

func withLines(checkpoint []byte, lines string) []byte {
	return append(bytes.Clone(checkpoint), lines...)
}

// CosignaturePath names a witness's cosignature of a kept checkpoint.
func CosignaturePath(size int64, id uint32) string {
	return fmt.Sprintf("%s.%08x.cosignature", KeptPath(size), id)
}

// ParseCosignaturePath is the reverse of CosignaturePath.
func ParseCosignaturePath(path string) (size int64, id uint32, ok bool) {
	kept, rest, _ := strings.Cut(path, ".")
	size, ok = ParseKeptPath(kept)
	n, err := strconv.ParseUint(strings.TrimSuffix(rest, ".cosignature"), 16, 32)
	return size, uint32(n), ok && err == nil && CosignaturePath(size, uint32(n)) == path
}

// maxAnswer bounds what a witness or a time-stamping authority may say.
const maxAnswer = 1 << 20

// Ask asks a witness at url (https://c2sp.org/tlog-witness) to cosign a kept
// checkpoint and stores what he says beside it.
func Ask(ctx context.Context, client *http.Client, url string, w Witness, store Store, c Checkpoint) (time.Time, error) {
	line, err := ask(ctx, client, url, w, store, c, 0, true)
	if err != nil {
		return time.Time{}, fmt.Errorf("witness %s: %w", w, err)
	}
	at, err := w.Cosigned(c.Raw, line)
	if err != nil {
		return at, err
	}
	err = store.Create(ctx, CosignaturePath(c.Tree.N, w.id), []byte(line))
	if errors.Is(err, ErrTaken) {
		err = nil // an earlier one is as good
	}
	return at, err
}

func ask(ctx context.Context, client *http.Client, url string, w Witness, store Store, c Checkpoint, old int64, again bool) (string, error) {
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	if old > 0 && old < c.Tree.N {
		proof, err := tlog.ProveTree(c.Tree.N, old, newTreeReader(ctx, store, c.Tree))
		if err != nil {
			return "", err
		}
		for _, h := range proof {
			body.WriteString(h.String() + "\n")
		}
	}
	body.WriteString("\n")
	body.Write(c.Raw)
	status, answer, err := post(ctx, client, strings.TrimSuffix(url, "/")+"/add-checkpoint", "text/plain; charset=utf-8", body.Bytes())
	if err != nil {
		return "", err
	}
	if status == http.StatusConflict && again {
		seen, perr := strconv.ParseInt(strings.TrimSpace(string(answer)), 10, 64)
		if perr == nil && seen > c.Tree.N {
			return "", fmt.Errorf("it has cosigned size %d already, this checkpoint is of size %d", seen, c.Tree.N)
		}
		if perr == nil && seen >= 0 && seen != old {
			return ask(ctx, client, url, w, store, c, seen, false)
		}
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("it answered %d %s: %.200q", status, http.StatusText(status), answer)
	}
	for line := range strings.Lines(string(answer)) {
		if strings.HasPrefix(line, "— "+w.name+" ") {
			if _, err := w.Cosigned(c.Raw, line); err == nil {
				return line, nil
			}
		}
	}
	return "", fmt.Errorf("it answered without a cosignature of its own that holds: %w", ErrInvalid)
}

func post(ctx context.Context, client *http.Client, url, contentType string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}
