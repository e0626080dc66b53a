package loadgen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxTrace is the longest trace, and maxTraceLine the longest line of one.
const (
	maxTrace     = 24 * time.Hour
	maxTraceLine = 4096
)

// ParseTrace reads recorded arrivals: one instant a line since the beginning, in increasing order, in seconds ("0.25")
// or with a unit ("250ms"). Empty lines and what follows a # are left out. The error names the line.
func ParseTrace(r io.Reader) ([]time.Duration, error) {
	var at []time.Duration
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTraceLine)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		instant, err := parseInstant(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case len(at) > 0 && instant < at[len(at)-1]:
			return nil, fmt.Errorf("line %d: %v comes after %v, which is later: sort the instants", n, instant, at[len(at)-1])
		case len(at) == MaxArrivals:
			return nil, fmt.Errorf("line %d: more than %d instants", n, MaxArrivals)
		}
		at = append(at, instant)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("after %d instants: %w", len(at), err)
	}
	if len(at) == 0 {
		return nil, errors.New("it holds no instant; want one a line, in seconds or with a unit")
	}
	return at, nil
}

func parseInstant(text string) (time.Duration, error) {
	var instant time.Duration
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0 && seconds <= maxTrace.Seconds()) {
			return 0, fmt.Errorf("%q is outside of 0 to %v", text, maxTrace)
		}
		instant = time.Duration(seconds * 1e9)
	} else if instant, err = time.ParseDuration(text); err != nil {
		return 0, fmt.Errorf("%q is no instant: want seconds (0.25) or a unit (250ms)", text)
	}
	if instant < 0 || instant > maxTrace {
		return 0, fmt.Errorf("%q is outside of 0 to %v", text, maxTrace)
	}
	return instant, nil
}

// TracePhase is a phase of recorded arrivals. It ends as long after the last one as they are apart on average: ten
// instants that are a second apart are ten seconds of one a second.
func TracePhase(at []time.Duration) Phase {
	last, apart := at[len(at)-1], time.Duration(1)
	if n := time.Duration(len(at) - 1); n > 0 {
		apart = max(last/n, 1)
	}
	return Phase{Name: "trace", Time: last + apart, Recorded: at}
}
