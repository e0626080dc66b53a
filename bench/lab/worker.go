package lab

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pqbench/kex"
)

// A Job is a batch of trials of one cell.
type Job struct {
	Cell        Cell
	Seed        uint64
	From, Count int   // numbers of the trials
	Requests    []int // sizes of first requests, bytes; none: the handshake alone
	Retry       bool  // the edge asks every address for a Retry (RFC 9000, Section 8.1.2)
	Ledger      bool  // of the handshake alone: what it put on the wire, by message
	Allocs      bool  // of the handshake alone: what both ends allocated
}

// reply is a Job's results, in order, or why there are none.
type reply struct {
	Results []Result
	Err     string
}

// Serve makes trials until its standard input ends. It does not return: a bubble needs a test to run in, and package
// testing ends the process after the last of its tests.
func Serve() { serveWith(&setting{}) }

// maker makes a trial, in a bubble, after it got ready for its cell outside of one.
type maker interface {
	ready(c Cell) error
	run(t *testing.T, job Job, number uint64) []Result // of a number, and of those after it with which it shares a server
}

func serveWith(m maker) {
	in, out := os.Stdin, os.Stdout
	os.Stdout = os.Stderr // package testing reports there
	os.Args = os.Args[:1] // and reads flags from here
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "lab", F: func(t *testing.T) {
		serve(t, m, in, out)
	}}}, nil, nil)
}

// serve runs jobs until there are no more. A trial that fails as a test, or leaves a goroutine behind, ends the process.
func serve(t *testing.T, m maker, in io.Reader, out io.Writer) {
	jobs, replies := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var job Job
		if jobs.Decode(&job) != nil {
			return // whoever gave the jobs is gone, or has no more
		}
		var r reply
		if err := m.ready(job.Cell); err != nil {
			r.Err = err.Error()
		}
		for len(r.Results) < job.Count && r.Err == "" {
			synctest.Test(t, func(t *testing.T) {
				r.Results = append(r.Results, m.run(t, job, uint64(job.From+len(r.Results)))...)
			})
		}
		if replies.Encode(r) != nil {
			return
		}
	}
}

// worker is a process that runs jobs one after the other.
type worker struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	jobs    *gob.Encoder
	replies *gob.Decoder
	stderr  lines
}

// startWorker runs this program again as a worker, on one core: that beats several bubbles in one process.
func startWorker() (*worker, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a lab worker: %w", err)
	}
	w := &worker{cmd: exec.Command(exe, "lab-worker", string(kex.Fixed()))}
	// A path decides itself whether its sockets carry ECN, and they have no kernel's buffer for quic-go to complain of.
	w.cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "QUIC_GO_DISABLE_ECN=0", "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=1")
	w.cmd.Stderr = &w.stderr
	isolate(w.cmd)
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a lab worker: %w", err)
	}
	w.jobs, w.replies = gob.NewEncoder(w.in), gob.NewDecoder(out)
	return w, nil
}

// do runs one job. After an error the worker is of no more use.
func (w *worker) do(job Job) ([]Result, error) {
	var r reply
	err := w.jobs.Encode(job)
	if err == nil {
		err = w.replies.Decode(&r)
	}
	if err != nil {
		_ = w.in.Close()
		_ = w.cmd.Wait()
		return nil, &endedError{reason(w.stderr.String())}
	}
	if r.Err != "" {
		return nil, errors.New(r.Err)
	}
	return r.Results, nil
}

// kill ends the process from any goroutine: it has nothing to save.
func (w *worker) kill() { _ = w.cmd.Process.Kill() }

func (w *worker) stop() {
	_ = w.in.Close()
	w.kill()
	_ = w.cmd.Wait()
}

// endedError says why a worker's process is gone.
type endedError struct{ reason string }

func (e *endedError) Error() string { return "a lab worker ended: " + e.reason }

// reason is the line of a process's last words that says why it ended: a panic's first, or a failed test's message.
func reason(words string) string {
	last := "it said nothing"
	for line := range strings.Lines(words) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
			return line
		case line != "" && line != "FAIL" && !strings.HasPrefix(line, "--- FAIL"):
			last = line
		}
	}
	return last
}

// lines keeps the end of what a worker printed: a stack, if it died.
type lines struct {
	mu   sync.Mutex
	text []byte
}

const linesKept = 256 << 10 // a panic's first line stands before the stacks of all goroutines

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if cut := len(l.text) - linesKept; cut > 0 {
		l.text = append(l.text[:0], l.text[cut:]...)
	}
	return len(b), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
