package connector

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The law grows while connections stay away, and calms down when the last is back.
func TestQueueCalmsWhenAllAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{random: func() float64 { return 0.5 }, law: backoff{base: queueBase, limit: DefaultRetries}}
		turn := func(index uint8) (below time.Duration) {
			gate, wait, below := q.join(index)
			start := time.Now()
			<-gate
			require.Equal(t, wait, time.Since(start))
			return below
		}
		require.Equal(t, 20*time.Second, turn(1))
		require.Equal(t, 40*time.Second, turn(2))
		q.back(1)
		q.back(3) // was never away
		time.Sleep(time.Hour)
		require.Equal(t, 80*time.Second, turn(2), "one is still away")
		q.back(2)
		require.Equal(t, 160*time.Second, turn(1), "back, and lost at once")
		q.back(1)
		time.Sleep(320 * time.Second) // half of 10 s · 2^(4+2)
		require.Equal(t, 20*time.Second, turn(1), "calm")
	})
}

// Who joins while others wait, waits for what is left.
func TestQueueIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{random: func() float64 { return 0.5 }, law: backoff{base: queueBase, limit: DefaultRetries}}
		first, wait, _ := q.join(1)
		require.Equal(t, 10*time.Second, wait)
		time.Sleep(4 * time.Second)
		second, wait, below := q.join(2)
		require.Equal(t, first, second)
		require.Equal(t, 6*time.Second, wait)
		require.Equal(t, 20*time.Second, below)
		q.stop()
		time.Sleep(time.Minute)
		select {
		case <-first:
			t.Fatal("a stopped queue opens no gate")
		default:
		}
	})
}
