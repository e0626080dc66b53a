package lab

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// A hand runs jobs: a worker, in the tests something simpler.
type hand interface {
	do(Job) ([]Result, error)
	kill() // from any goroutine: do returns
	stop() // after the last do
}

// hireWorker starts a process.
func hireWorker() (hand, error) {
	w, err := startWorker()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// A post is a place at which one hand after the other works: another one comes when the last has ended.
type post struct {
	ctx   context.Context
	hire  func() (hand, error)
	hand  hand
	leave func() bool // frees the hand from ending with ctx
}

// do runs a job. When the hand ends at it, its trials are made one by one: the trial that ends its hand once more has
// that for a result, and the others have their own.
func (p *post) do(job Job) ([]Result, error) {
	results, err := p.try(job)
	var ended *endedError
	if !errors.As(err, &ended) || p.ctx.Err() != nil {
		return results, err
	}
	for i := 0; i < job.Count; i += job.Cell.clients() {
		one := job
		one.From, one.Count = job.From+i, job.Cell.clients()
		result, err := p.try(one)
		switch {
		case p.ctx.Err() != nil:
			return nil, p.ctx.Err()
		case errors.As(err, &ended):
			result = slices.Repeat([]Result{{Ended: ended.reason}}, one.Count)
		case err != nil:
			return nil, err
		}
		results = append(results, result...)
	}
	return results, nil
}

func (p *post) try(job Job) ([]Result, error) {
	if p.hand == nil {
		h, err := p.hire()
		if err != nil {
			return nil, err
		}
		p.hand, p.leave = h, context.AfterFunc(p.ctx, h.kill)
	}
	results, err := p.hand.do(job)
	if err != nil {
		p.close()
	}
	return results, err
}

func (p *post) close() {
	if p.hand != nil {
		p.leave()
		p.hand.stop()
	}
	p.hand = nil
}

// Workers is how many run side by side: one for each core, or as many as PQBENCH_LAB_WORKERS says.
func Workers() int {
	if n, err := strconv.Atoi(os.Getenv("PQBENCH_LAB_WORKERS")); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// pool runs jobs on workers side by side. done is called from one goroutine, with the jobs' results as they come.
func pool(ctx context.Context, hire func() (hand, error), jobs []Job, workers int, done func(i int, results []Result) error) error {
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
			p := &post{ctx: ctx, hire: hire}
			defer p.close()
			for i := range next {
				r, err := p.do(jobs[i])
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
