package loadgen

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTrace(t *testing.T) {
	at, err := ParseTrace(strings.NewReader("# recorded on a Monday\n0\n0.25 # a comment\n\n250ms\n1.5s\n"))
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{0, 250 * time.Millisecond, 250 * time.Millisecond, 1500 * time.Millisecond}, at)
}

func TestParseTraceRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "holds no instant",
		"# nothing\n":                       "holds no instant",
		"0.1\nsoon\n":                       `line 2: "soon" is no instant`,
		"2\n1\n":                            "line 2: 1s comes after 2s",
		"-1":                                "outside",
		"-1ms":                              "outside",
		"NaN":                               "outside",
		"1e300":                             "outside",
		"25h":                               "outside",
		"\x00\xff":                          "is no instant",
		strings.Repeat("1", 10_000):         "too long",
		"1\n" + strings.Repeat("1", 10_000): "after 1 instants",
	} {
		_, err := ParseTrace(strings.NewReader(text))
		assert.ErrorContains(t, err, want)
	}
}

// What is read is in order and within bounds, makes a schedule, and reads the same when it is written in nanoseconds.
func FuzzParseTrace(f *testing.F) {
	for _, seed := range []string{"0\n1\n", "10ms\n0.5\n#x\n2s", "1\n0", "1e-9\n1e-9", "junk", "0x1p-2\n1_0", "24h", "1.5 2.5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(at) == 0 || !slices.IsSorted(at) || at[0] < 0 || at[len(at)-1] > maxTrace {
			t.Fatalf("got %v", at)
		}
		schedule, err := Schedule([]Phase{TracePhase(at)}, 1)
		if err != nil || len(schedule) != len(at) {
			t.Fatalf("a schedule of %d instants has %d: %v", len(at), len(schedule), err)
		}
		var again strings.Builder
		for _, a := range at {
			fmt.Fprintf(&again, "%dns\n", int64(a))
		}
		same, err := ParseTrace(strings.NewReader(again.String()))
		if err != nil || !slices.Equal(at, same) {
			t.Fatalf("written again it reads %v, %v; want %v", same, err, at)
		}
	})
}
