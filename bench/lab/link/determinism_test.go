package link_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/tunnel/ca"
)

// The same seed gives the same nanoseconds: every datagram until the handshake is complete, in 20 repetitions, also at
// round trips that are those of a timer (the first probe of QUIC goes after 200 ms), under heavy loss, with jitter and
// reordering, and at a rate that makes a byte more 8 µs more.
func TestSameInEveryRun(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	lossy := link.IID{P: 0.3}
	for _, d := range []link.Direction{
		{Delay: 100 * time.Millisecond, Loss: lossy},
		{Delay: 10 * time.Millisecond, Loss: lossy, Jitter: 10 * time.Millisecond, Reorder: 0.2},
		{Delay: 10 * time.Millisecond, Loss: link.GilbertElliott{P: 0.2, R: 0.5}, Rate: 1_000_000},
	} {
		for _, group := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
			for trial := range uint64(3) {
				var first string
				for i := range 20 {
					cryptotest.SetGlobalRandom(t, trial) // sizes vary with signatures and GREASE, see the package comment
					synctest.Test(t, func(t *testing.T) {
						story := shake(t, authority, link.Symmetric(d), link.Schedule{Seed: 1, Trial: trial}, group).story()
						if i == 0 {
							first = story
						}
						require.Equal(t, first, story, "%+v, %v, trial %d, repetition %d", d, group, trial, i)
					})
				}
			}
		}
	}
}

// story tells all that happened until the handshake was complete.
func (h handshake) story() string {
	var b strings.Builder
	fmt.Fprintln(&b, h.err, h.took)
	for _, e := range h.events {
		if e.Sent <= h.done {
			fmt.Fprintf(&b, "%+v\n", e)
		}
	}
	return b.String()
}

// All groups of a trial meet the same losses: whether the n-th datagram of a direction is lost does not depend on the
// group, although their datagrams differ in number, size and time.
func TestGroupsMeetTheSameLosses(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	type key struct {
		dir link.Dir
		n   int
	}
	compared, differ := 0, 0
	for trial := range uint64(20) {
		var lost [2]map[key]bool
		for i, group := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
			lost[i] = map[key]bool{}
			synctest.Test(t, func(t *testing.T) {
				h := shake(t, authority, link.Symmetric(link.Direction{Delay: time.Millisecond, Loss: link.IID{P: 0.3}}), link.Schedule{Trial: trial}, group)
				for _, e := range h.events {
					lost[i][key{e.Dir, e.N}] = e.Fate == link.Lost
				}
			})
		}
		for k, was := range lost[0] {
			if is, both := lost[1][k]; both {
				compared++
				require.Equal(t, was, is, "trial %d, %v", trial, k)
			} else {
				differ++
			}
		}
	}
	require.Greater(t, compared, 100)
	t.Logf("compared %d datagrams; %d had no counterpart", compared, differ)
}
