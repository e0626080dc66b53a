package loadgen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

func TestClosedRunsCountUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		var inFlight, most atomic.Int64
		samples, scheduled, dropped := Closed{Workers: 3, Count: 10, Clock: clock}.Run(t.Context(), func(_ context.Context, _ int, s *results.Sample) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			<-time.After(time.Second) // virtual
			inFlight.Add(-1)
			s.Completed = clock.Now()
		})
		assert.Len(t, samples, 10)
		assert.Zero(t, dropped)
		assert.EqualValues(t, 3, most.Load(), "in flight")
		assert.Equal(t, 4*time.Second, time.Duration(clock.Now()), "ten units of a second, three at a time")
		require.NoError(t, Check(samples, scheduled, dropped))
	})
}

func TestClosedRunsForDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		samples, scheduled, dropped := Closed{Workers: 2, Duration: 3500 * time.Millisecond, Clock: clock}.Run(t.Context(), func(_ context.Context, _ int, s *results.Sample) {
			<-time.After(time.Second)
			s.Completed = clock.Now()
		})
		assert.Equal(t, 8, scheduled)
		assert.Len(t, samples, 8, "two workers, units started at 0, 1, 2 and 3 s")
		assert.Zero(t, dropped)
	})
}

// An interrupted loop lets the units in flight end, and counts those that never started.
func TestClosedDropsWhatNeverStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		samples, scheduled, dropped := Closed{Workers: 1, Count: 5, Clock: clock}.Run(ctx, func(_ context.Context, _ int, s *results.Sample) {
			<-time.After(time.Second)
			s.Completed = clock.Now()
		})
		assert.Len(t, samples, 2)
		assert.Equal(t, 3, dropped)
		require.NoError(t, Check(samples, scheduled, dropped))
		assert.Equal(t, 5, scheduled)
		assert.Error(t, Check(samples[1:], scheduled, dropped), "a sample got lost")
	})
}

type fakeConn struct{ closed *bool }

func (fakeConn) Group() tls.CurveID { return tls.X25519 }
func (c fakeConn) Close() error     { *c.closed = true; return nil }

func TestHandshakeUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		closed := false
		unit := Handshake(clock, func(context.Context, int) (Conn, error) {
			<-time.After(30 * time.Millisecond)
			return fakeConn{&closed}, nil
		}, time.Second)
		samples, _, _ := Closed{Workers: 1, Count: 1, Clock: clock}.Run(t.Context(), unit)
		s := samples[0]
		assert.Equal(t, "X25519", s.Group)
		assert.Empty(t, s.Class)
		assert.True(t, closed, "the connection is closed")
		assert.EqualValues(t, 30*time.Millisecond, s.Completed-s.Intended)
		require.NoError(t, AssertGroup(samples, tls.X25519))
		assert.ErrorContains(t, AssertGroup(samples, tls.X25519MLKEM768), "negotiated X25519")
	})
}

// A dial that never answers is a sample, censored at the time-out: it stays in the distribution.
func TestHandshakeTimeoutIsCensored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		unit := Handshake(clock, func(ctx context.Context, _ int) (Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 5*time.Second)
		samples, _, _ := Closed{Workers: 1, Count: 1, Clock: clock}.Run(t.Context(), unit)
		assert.Equal(t, results.ClassTimeout, samples[0].Class)
		assert.EqualValues(t, 5*time.Second, samples[0].Completed-samples[0].Sent)
		require.NoError(t, AssertGroup(samples, tls.X25519), "a failure has no group to assert")
	})
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{&quic.HandshakeTimeoutError{}, results.ClassTimeout},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), results.ClassTimeout},
		{&quic.IdleTimeoutError{}, results.ClassIdle},
		{&quic.TransportError{ErrorCode: 0x128}, results.ClassCrypto},
		{&quic.TransportError{ErrorCode: quic.ConnectionRefused}, results.ClassRefused},
		{&quic.TransportError{ErrorCode: quic.ProtocolViolation}, results.ClassOther},
		{&quic.ApplicationError{ErrorCode: 1}, results.ClassApplication},
		{&quic.StreamError{}, results.ClassApplication},
		{fmt.Errorf("read: %w", syscall.ECONNREFUSED), results.ClassRefused},
		{errors.New("anything"), results.ClassOther},
	} {
		assert.Equal(t, c.want, Classify(c.err), "%v", c.err)
	}
}

func TestClocksOfTwoProcessesAgree(t *testing.T) {
	a := NewClock()
	b := ClockAt(a.Monotonic()) // as another process would make it
	assert.InDelta(t, a.Now(), b.Now(), float64(50*time.Millisecond))
}
