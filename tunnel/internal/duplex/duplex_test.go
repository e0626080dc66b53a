package duplex

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// end is an End over two pipes, whose far side the test holds.
type end struct {
	io.Reader
	io.Writer
	in  *io.PipeReader
	out *io.PipeWriter
}

var errAborted = errors.New("aborted")

func (e end) CloseWrite() error { return e.out.Close() }
func (e end) Abort() {
	_ = e.in.CloseWithError(errAborted)
	_ = e.out.CloseWithError(errAborted)
}

// newEnd returns an End, and the far side: what it says comes out of the End's Read.
func newEnd() (e end, say *io.PipeWriter, hear *io.PipeReader) {
	in, say := io.Pipe()
	hear, out := io.Pipe()
	return end{in, out, in, out}, say, hear
}

type result struct {
	aToB, bToA int64
	err        error
	after      time.Duration
}

// copying runs Copy in a bubble while both talks run, each at one far side.
func copying(t *testing.T, linger time.Duration, atA, atB func(say *io.PipeWriter, hear *io.PipeReader)) (r result) {
	synctest.Test(t, func(*testing.T) {
		a, sayA, hearA := newEnd()
		b, sayB, hearB := newEnd()
		var talks sync.WaitGroup
		talks.Go(func() { atA(sayA, hearA) })
		talks.Go(func() { atB(sayB, hearB) })
		start := time.Now()
		r.aToB, r.bToA, r.err = Copy(a, b, linger)
		r.after = time.Since(start)
		talks.Wait()
	})
	return r
}

func drain(_ *io.PipeWriter, hear *io.PipeReader) { _, _ = io.Copy(io.Discard, hear) }

func TestHalvesEndApart(t *testing.T) {
	r := copying(t, 0, func(say *io.PipeWriter, hear *io.PipeReader) {
		_, _ = io.WriteString(say, "question")
		_ = say.Close()
		got, err := io.ReadAll(hear)
		require.NoError(t, err)
		require.Equal(t, "an answer", string(got))
	}, func(say *io.PipeWriter, hear *io.PipeReader) {
		got, err := io.ReadAll(hear) // to the end of the question
		require.NoError(t, err)
		require.Equal(t, "question", string(got))
		time.Sleep(time.Hour)
		_, _ = io.WriteString(say, "an answer")
		_ = say.Close()
	})
	require.Equal(t, result{8, 9, nil, time.Hour}, r)
}

func TestLingerBoundsTheSecondHalf(t *testing.T) {
	silent := drain
	r := copying(t, Linger, func(say *io.PipeWriter, hear *io.PipeReader) {
		_ = say.Close()
		drain(say, hear)
	}, silent)
	require.Equal(t, result{0, 0, nil, Linger}, r)
}

func TestAFailureEndsBoth(t *testing.T) {
	cause := errors.New("reset")
	for _, atA := range []bool{true, false} {
		heard := make(chan error, 1)
		failing := func(say *io.PipeWriter, hear *io.PipeReader) {
			_, _ = io.WriteString(say, "half")
			_ = say.CloseWithError(cause)
			drain(say, hear)
		}
		listening := func(_ *io.PipeWriter, hear *io.PipeReader) {
			_, err := io.ReadAll(hear)
			heard <- err
		}
		r := copying(t, Linger, map[bool]func(*io.PipeWriter, *io.PipeReader){true: failing, false: listening}[atA],
			map[bool]func(*io.PipeWriter, *io.PipeReader){true: listening, false: failing}[atA])
		require.ErrorIs(t, r.err, cause)
		require.ErrorIs(t, <-heard, errAborted, "what was cut does not look whole")
		require.Zero(t, r.after)
		require.EqualValues(t, 4, r.aToB+r.bToA)
	}
}

// closing is an End that closes as a whole when it is to send its end, as an origin's connection does whose far side is gone.
type closing struct{ end }

func (c closing) CloseWrite() error {
	c.Abort()
	time.Sleep(time.Second) // in which the other direction notices
	return errAborted
}

// An end that closes as a whole because all was said is no failure.
func TestAnEndThatClosesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, sayA, hearA := newEnd()
		b, _, hearB := newEnd()
		go drain(nil, hearA)
		go drain(nil, hearB)
		_ = sayA.Close()
		_, _, err := Copy(a, closing{b}, Linger)
		a.Abort()
		require.NoError(t, err)
	})
}

// A far side that takes nothing holds back the other: no more than a buffer is ever between them.
func TestASlowReaderHoldsTheWriter(t *testing.T) {
	const chunk = 1 << 10
	written := 0
	copying(t, 0, func(say *io.PipeWriter, hear *io.PipeReader) {
		text := []byte(strings.Repeat("x", chunk))
		for range 100 {
			if _, err := say.Write(text); err != nil {
				break
			}
			written += chunk
		}
		_ = say.Close()
		drain(say, hear)
	}, func(say *io.PipeWriter, hear *io.PipeReader) {
		time.Sleep(time.Minute)
		synctest.Wait()
		if written > 32<<10 {
			t.Errorf("%d bytes were taken that nobody read", written)
		}
		_ = hear.Close()
		_ = say.Close()
	})
}
