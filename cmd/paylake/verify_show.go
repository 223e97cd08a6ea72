package main

import (
	"fmt"
	"strings"

	"github.com/paylake/paylake/sinks/lake"
)

func (p *program) showReport(r lake.Report) {
	w := p.stdout
	fmt.Fprintf(w, "lake         %s\n", r.URL)
	chain := "an unbroken chain is checked"
	if r.BehindGap > 0 {
		chain = fmt.Sprintf("the last %s of them behind one that is missing or cannot be read", thousands(r.BehindGap))
	}
	fmt.Fprintf(w, "manifests    %s, %s; %s not in the transparency log\n", thousands(r.Manifests), chain, thousands(r.Unlogged))
	p.showLog(r.Log)
	fmt.Fprintf(w, "objects      %s, %s bytes; hashes, rows and totals recomputed\n", thousands(r.Objects), thousands(r.Bytes))
	if r.Merged > 0 {
		fmt.Fprintf(w, "merged       %s objects of compactions, every row compared with what it was merged from\n", thousands(r.Merged))
	}
	fmt.Fprintf(w, "rows         %s, of them %s retractions, each paired with what it retracts; %s visible\n", thousands(r.Rows), thousands(r.Retractions), thousands(r.Visible))
	fmt.Fprintf(w, "totals       %s of provider and currency\n", thousands(int64(len(r.Totals))))
	fmt.Fprintf(w, "quarantined  %s; %s more came in after all\n", rowsAndMoney(r.Unresolved), thousands(r.Resolved))
	fmt.Fprintf(w, "chains       %s recomputed, %s open, %s broken\n", thousands(r.Chains), thousands(r.Open), thousands(r.Broken))
	if r.Unrecounted > 0 {
		fmt.Fprintf(w, "             %s more cannot be recomputed without what is missing\n", thousands(r.Unrecounted))
	}
	if len(r.Foreign) > 0 {
		fmt.Fprintf(w, "foreign      %d files that no manifest names\n", len(r.Foreign))
	}
	if r.Head != "" {
		fmt.Fprintf(w, "head         %s\n", r.Head)
	}
	verdict := "everything that was published holds"
	if len(r.Findings) > 0 {
		verdict = fmt.Sprintf("FAILED: %d findings, named on stderr", len(r.Findings))
	}
	fmt.Fprintf(w, "verdict      %s (%s)\n", verdict, signatures(r))
}

func (p *program) showLog(l lake.LogReport) {
	if l.Origin == "" {
		return
	}
	w := p.stdout
	fmt.Fprintf(w, "log          %s: %s manifests are included; %s checkpoints, each the beginning of the next; %s tiles\n",
		l.Origin, thousands(l.Size), thousands(l.Checkpoints), thousands(l.Tiles))
	if l.Since != nil {
		fmt.Fprintf(w, "since        the older checkpoint covers %s manifests\n", thousands(*l.Since))
	}
	if len(l.SignedBy) > 0 {
		fmt.Fprintf(w, "signed by    %s\n", strings.Join(l.SignedBy, ", "))
	}
	for _, c := range l.Cosigned {
		fmt.Fprintf(w, "cosigned by  %s: up to %s manifests, at %s\n", c.By, thousands(c.Size), instant(c.At))
	}
	if l.Stamped != nil {
		believed := "whose authority is not checked: give --tsa"
		if l.StampsBelieved {
			believed = "by a trusted authority"
		}
		fmt.Fprintf(w, "stamped      %s time stamps, %s; the newest says that %s manifests were there at %s\n",
			thousands(l.Stamps), believed, thousands(l.Stamped.Size), instant(l.Stamped.At))
	}
}

// signatures says what the verdict is worth.
func signatures(r lake.Report) string {
	switch {
	case !r.Log.Checked:
		return "signatures are not checked: no key"
	case len(r.Findings) > 0:
		return "signatures were checked"
	case r.Log.Size == 0 && r.Manifests > 0:
		return "NOTHING IS SIGNED: no manifest is in a transparency log"
	case r.Log.Origin == "":
		return "NOTHING IS SIGNED: there are no manifests and there is no transparency log"
	case r.Unlogged > 0:
		return fmt.Sprintf("the log's signature holds and covers all but the newest %s manifests", thousands(r.Unlogged))
	}
	return "the log's signature holds and covers every manifest"
}

func (p *program) showProof(path string, r lake.ProofReport) {
	w := p.stdout
	fmt.Fprintf(w, "proof        %s\n", path)
	fmt.Fprintf(w, "manifest     %d of %s, table %s of source %s, sha256 %s\n", r.Sequence, r.Origin, r.Table, r.Source, r.SHA256)
	for _, f := range r.Files {
		fmt.Fprintf(w, "names        %s: %s rows, %s bytes, sha256 %s\n", f.Path, thousands(f.Rows), thousands(f.Bytes), f.SHA256)
	}
	verdict := "its checkpoint is signed by " + strings.Join(r.SignedBy, ", ")
	for _, c := range r.Cosigned {
		verdict += ", cosigned by " + c.By + " at " + instant(c.At)
	}
	if !r.Checked {
		verdict = "signatures are not checked: no key"
	}
	fmt.Fprintf(w, "verdict      it is entry %d of the log's %s (%s)\n", r.Sequence-1, thousands(r.Size), verdict)
}
