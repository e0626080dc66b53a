package loadgen

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"pqbench/kex"
	"pqbench/results"
)

// Conn is what a handshake left behind: the group that was negotiated, and a way to end the connection.
type Conn interface {
	Group() tls.CurveID
	Close() error
}

// Dial makes one connection for a worker; it returns when the handshake is complete at the client's side.
type Dial func(ctx context.Context, worker int) (Conn, error)

// Handshake is the unit of load that dials and closes. Its handshake time runs from the call that dials, so that
// making the key share is in it, until the handshake is complete; the close comes after.
func Handshake(clock Clock, dial Dial, timeout time.Duration) Unit {
	return func(ctx context.Context, worker int, s *results.Sample) {
		// Not derived from ctx: an interrupt lets handshakes in flight end, and they count.
		dialCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		conn, err := dial(dialCtx, worker)
		s.Completed = clock.Now()
		if err != nil {
			Fail(s, err)
			return
		}
		group := conn.Group()
		s.Group = groupLabel(group)
		_ = conn.Close() // the close is told, not negotiated: there is no answer to wait for
	}
}

// AssertGroup is the check behind every table: all successful handshakes agreed on the group that was wanted.
// Its failure is an error of the run, not a sample.
func AssertGroup(samples []results.Sample, want tls.CurveID) error {
	label := groupLabel(want)
	for _, s := range samples {
		if s.Class == "" && s.Group != label {
			return fmt.Errorf("a handshake negotiated %s where %s was offered and expected", s.Group, label)
		}
	}
	return nil
}

func groupLabel(id tls.CurveID) string {
	if g, ok := kex.ByID(id); ok {
		return g.Label()
	}
	return fmt.Sprintf("0x%04x", uint16(id))
}
