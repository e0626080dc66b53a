package role

import (
	"bytes"
	"strings"
	"sync"
)

// lastWords keeps what a process printed, for an error message: the line in which Go's runtime says why it gives up, and
// the end of all.
type lastWords struct {
	mu    sync.Mutex
	line  []byte // as far as it has come
	cause string
	tail  []byte
}

const (
	tailSize = 2 << 10 // bytes kept of the end
	lineSize = 1 << 10 // bytes looked at of a line
)

// causes are how such a line begins. A stack of some thousand goroutines may follow it.
var causes = []string{"runtime: out of memory", "runtime: cannot", "runtime/cgo: ", "fatal error: ", "panic: "}

func (w *lastWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == "" {
		w.look(b)
	}
	w.tail = append(w.tail, b...)
	if cut := len(w.tail) - tailSize; cut > 0 {
		w.tail = append(w.tail[:0], w.tail[cut:]...)
	}
	return len(b), nil
}

// look searches the lines that end in b.
func (w *lastWords) look(b []byte) {
	for len(b) > 0 && w.cause == "" {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		w.line = append(w.line, part[:min(len(part), lineSize-len(w.line))]...)
		b = rest
		if !ended {
			return
		}
		line := string(bytes.ToValidUTF8(w.line, nil))
		for _, c := range causes {
			if strings.HasPrefix(line, c) {
				w.cause = line
			}
		}
		w.line = w.line[:0]
	}
}

// Cause is the line that tells why the process gave up; empty when it did not say.
func (w *lastWords) Cause() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// String is the end of what was printed.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(bytes.ToValidUTF8(w.tail, nil)))
}
