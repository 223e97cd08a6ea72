package gate

import "net/http"

// Through has a client's requests go through a transport of the test's.
func (c *Client) Through(rt http.RoundTripper) { c.http.Transport = rt }
