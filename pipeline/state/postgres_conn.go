package state

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	connectWait = 15 * time.Second // to connect to PostgreSQL, where the URL does not say
	answerWait  = 2 * time.Minute  // for an answer to one statement
)

// patient makes connections on which no read waits longer than limit: a server
// that does not answer any more is an error, not a standstill. Connections that
// wait for a lock are not made so.
func patient(dial pgconn.DialFunc, limit time.Duration) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patientConn{Conn: c, limit: limit}, nil
	}
}

// patientConn ends a read that takes too long. The connection is lost with it.
type patientConn struct {
	net.Conn
	limit time.Duration
}

func (c *patientConn) Read(p []byte) (int, error) {
	late := time.AfterFunc(c.limit, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	return c.Conn.Read(p)
}
