package gate

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/paylake/paylake/schemas"
)

// Batch is what is approved at once: drafts, as they stand.
type Batch struct {
	ID     string
	Count  int
	Totals map[string]int64 // minor units by currency
	lines  []string
}

// BatchOf makes the batch of some intents. Its id is a function of their
// fingerprints: an edit of one makes another batch.
func BatchOf(intents []Intent) (Batch, error) {
	b := Batch{Count: len(intents), Totals: map[string]int64{}}
	for _, it := range intents {
		sum, err := schemas.AddMinor(b.Totals[it.Order.Currency], it.Order.AmountMinor)
		if err != nil {
			return Batch{}, fmt.Errorf("total of %d payments: %w", len(intents), err)
		}
		b.Totals[it.Order.Currency] = sum
		b.lines = append(b.lines, it.PaymentID+" "+it.Fingerprint)
	}
	slices.Sort(b.lines)
	sum := sha256.Sum256([]byte("paylake payment batch 1\n" + strings.Join(b.lines, "\n")))
	b.ID = "b_" + hex.EncodeToString(sum[:8])
	return b, nil
}

// TotalsText writes the totals for people: 1250.00 KGS, 3.00 USD.
func (b Batch) TotalsText() string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(b.Totals)) {
		out = append(out, FormatAmount(b.Totals[c], c))
	}
	return cmp.Or(strings.Join(out, ", "), "nothing")
}

const approvalHead = "paylake payment approval 1"

// Text is what an approver signs: the batch with its count and totals, and the
// fingerprint of every payment.
func (b Batch) Text() string {
	return fmt.Sprintf("%s\nbatch %s\npayments %d\ntotal %s\n%s\n", approvalHead, b.ID, b.Count, b.TotalsText(), strings.Join(b.lines, "\n"))
}

// Sign approves a batch with an approver's key.
func (b Batch) Sign(key string) (by, signed string, err error) {
	s, err := note.NewSigner(strings.TrimSpace(key))
	if err != nil {
		return "", "", errors.New("this is not an approver's key; make one: paylake pay key NAME")
	}
	text, err := note.Sign(&note.Note{Text: b.Text()}, s)
	if err != nil {
		return "", "", fmt.Errorf("sign the batch: %w", err)
	}
	return s.Name(), string(text), nil
}

// GenerateApprover makes the keys of an approver: the first is kept by the
// person, the second stands in the configuration.
func GenerateApprover(name string) (key, verifier string, err error) {
	key, verifier, err = note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fmt.Errorf("key of %s: %w", name, err)
	}
	return key, verifier, nil
}

// Approvers are the verifier keys of those who may approve, by name.
type Approvers map[string]string

// ErrApproval is returned for an approval that does not hold.
var ErrApproval = errors.New("not approved by somebody who may")

// Check says whether an intent is approved as it stands: by a configured person
// who is not its maker, with a signature over its very fingerprint.
func (a Approvers) Check(it Intent) error {
	ap := it.Approval
	switch ap.By {
	case "":
		return fmt.Errorf("%s: nobody has approved it (%w)", it.PaymentID, ErrApproval)
	case it.Maker:
		return fmt.Errorf("%s: %s has planned it and cannot approve it (%w)", it.PaymentID, ap.By, ErrApproval)
	}
	text, ok := a[ap.By]
	if !ok {
		return fmt.Errorf("%s: payments.approvers has no %q (%w)", it.PaymentID, ap.By, ErrApproval)
	}
	v, err := note.NewVerifier(text)
	if err != nil || v.Name() != ap.By {
		return fmt.Errorf("%s: the key of %s in payments.approvers is none (%w)", it.PaymentID, ap.By, ErrApproval)
	}
	n, err := note.Open([]byte(ap.Note), note.VerifierList(v))
	if err != nil {
		return fmt.Errorf("%s: the signature of %s does not hold (%w)", it.PaymentID, ap.By, ErrApproval)
	}
	lines := strings.Split(n.Text, "\n")
	if lines[0] != approvalHead || !slices.Contains(lines, "batch "+ap.Batch) || !slices.Contains(lines, it.PaymentID+" "+it.Fingerprint) {
		return fmt.Errorf("%s: %s has approved something else (%w)", it.PaymentID, ap.By, ErrApproval)
	}
	return nil
}

// Approve makes a draft an approved intent.
func (it Intent) Approve(ap Approval, a Approvers, now time.Time) (Intent, Transition, error) {
	if it.Status != Draft {
		return it, Transition{}, fmt.Errorf("%s is %s; only a draft is approved (%w)", it.PaymentID, it.Status, ErrState)
	}
	was := it
	it.Approval, it.Finding, it.Reason = ap, "", ""
	if err := a.Check(it); err != nil {
		return was, Transition{}, err
	}
	if err := it.Order.Check(); err != nil {
		return was, Transition{}, err
	}
	it.become(Approved, now)
	it, line, _ := it.changed(was, "approved", ap.By, now)
	return it, line, nil
}

// ErrState is returned for a step that an intent cannot take from where it is.
var ErrState = errors.New("not possible now")
