package sources

// End is the cursor after the last page: asking from it yields no page and
// sends no request. A source that knows which page is its last one gives that
// page End as Next, so that resuming after it does not begin again.
const End Cursor = "end"
