package clickhouse

// Decimal is the expression that turns minor units into Decimal(38,4), exactly,
// for queries beside the views. Both arguments are expressions.
func Decimal(minor, currency string) string { return decimal(minor, currency) }

// Literal is a text as it stands in a query.
func Literal(text string) string { return literal(text) }
