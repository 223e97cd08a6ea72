// Package schemas says what a row is.
//
// A Table is data: its name, version, key and fields. The Arrow schema, the
// Parquet columns, the ClickHouse DDL and the documentation are derived from
// it, and a golden file per table freezes it. The package also holds what every
// table shares: money, instants and business dates, phone numbers and
// pseudonyms, row hashes, and the words Stream, Window and Reject.
//
// It imports nothing else of this module.
package schemas
