package lab

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
}

// reply is a Job's results, in order, or why there are none.
type reply struct {
	Results []Result
	Err     string
}

// Serve makes trials until its standard input ends. It does not return: a bubble needs a test to run in, and package
// testing ends the process after the last of its tests.
func Serve() {
	in, out := os.Stdin, os.Stdout
	os.Stdout = os.Stderr // package testing reports there
	os.Args = os.Args[:1] // and reads flags from here
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "lab", F: func(t *testing.T) {
		serve(t, in, out)
	}}}, nil, nil)
}

func serve(t *testing.T, in io.Reader, out io.Writer) {
	jobs, replies := gob.NewDecoder(in), gob.NewEncoder(out)
	s := &setting{}
	for {
		var job Job
		if jobs.Decode(&job) != nil {
			return // whoever gave the jobs is gone, or has no more
		}
		var r reply
		// It takes real time, and the bubble's clock would stand still for it.
		if _, err := s.authority(job.Cell.Cert); err != nil {
			r.Err = err.Error()
		}
		for i := 0; i < job.Count && r.Err == ""; i++ {
			var result Result
			synctest.Test(t, func(t *testing.T) { result = s.run(t, job, uint64(job.From+i)) })
			if t.Failed() {
				r.Err = fmt.Sprintf("trial %d failed", job.From+i)
			}
			r.Results = append(r.Results, result)
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
	w.cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "QUIC_GO_DISABLE_ECN=1")
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
		return nil, fmt.Errorf("a lab worker ended: %w\n%s", err, w.stderr.String())
	}
	if r.Err != "" {
		return nil, errors.New(r.Err)
	}
	return r.Results, nil
}

func (w *worker) stop() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill() // it has nothing to save
	_ = w.cmd.Wait()
}

// lines keeps the end of what a worker printed: a stack, if it died.
type lines struct {
	mu   sync.Mutex
	text []byte
}

const linesKept = 4 << 10

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

// Workers is how many run side by side: one for each core, or as many as PQBENCH_LAB_WORKERS says.
func Workers() int {
	if n, err := strconv.Atoi(os.Getenv("PQBENCH_LAB_WORKERS")); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// pool runs jobs on workers side by side. done is called from one goroutine, with the jobs' results as they come.
func pool(ctx context.Context, jobs []Job, workers int, done func(i int, results []Result) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type finished struct {
		i       int
		results []Result
		err     error
	}
	next, results := make(chan int), make(chan finished)
	var running sync.WaitGroup
	for range min(workers, len(jobs)) {
		running.Go(func() {
			w, err := startWorker()
			if err != nil {
				cancel(err)
				return
			}
			defer w.stop()
			stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() })
			defer stop()
			for i := range next {
				r, err := w.do(jobs[i])
				select {
				case results <- finished{i, r, err}:
				case <-ctx.Done():
				}
				if err != nil {
					return
				}
			}
		})
	}
	go func() {
		defer close(next)
		for i := range jobs {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() { running.Wait(); close(results) }()
	left := len(jobs)
	for f := range results {
		if ctx.Err() != nil {
			continue
		}
		err := f.err
		if err == nil {
			left--
			err = done(f.i, f.results)
		}
		if err != nil {
			cancel(err)
		}
	}
	if left > 0 {
		return context.Cause(ctx)
	}
	return nil
}
