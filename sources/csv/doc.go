// Package csv reads files that banks, terminals and programmes export: any
// delimiter, three encodings, a mapping from headings to columns that is
// configuration. It knows no bank: what differs between them is data.
//
//   - scan.go, split.go: bytes to records to fields, strictly RFC 4180, in bounded memory
//   - mapping.go, preset.go: what a heading means
//   - head.go, packed.go: finding the heading, the delimiter and the encoding of one file
//   - value.go, amount.go, date.go, text.go: fields to money, time and masked text (pure)
//   - row.go, columns.go, batch.go: records to rows to Arrow
//   - block.go, line.go, decode.go, merge.go: records are cut in order, decoded side by
//     side and merged in order
//   - tally.go, run.go: which rows a file has had, in memory and on disk
//   - file.go, shelf.go, plan.go, pace.go: one file as a source, a folder or bucket of them
//
// # What a row is called
//
// A row's entry_id is the content of the columns that the mapping names as id.
// Where it names none, it is a hash of the row's values and its place among
// equal rows of the same file. Neither depends on the file's name, so the same
// row in two files is one row.
//
// # What a file is
//
// A file's name says which statement it is; the hash of its bytes, together with
// the mapping, says which wording of it. The same wording again is skipped,
// another one under the same name is a correction: changed rows become
// revisions, rows that are gone are withdrawn, unless another file still holds
// them. A file that disappears changes nothing.
package csv
