package role

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
	"unsafe"

	"pqbench/loadgen"
	"pqbench/results"
)

// OpenArgs describe one trial at a rate: an open loop of handshakes or requests. Several processes can share it: each
// makes the same schedule and takes its part of the instants.
type OpenArgs struct {
	// Handshake or Request is what a unit of load is; Concurrency is how many may be in flight in this process.
	Handshake *HandshakeArgs
	Request   *RequestArgs
	Phases    []loadgen.Phase
	Seed      uint64
	// Sparing lets the generator collect its garbage seldom, and verify each chain of certificates once: what it does for itself
	// makes it late.
	Sparing bool
	// Share of Of: this process takes instant Share, Share+Of, Share+2·Of and so on.
	Share, Of int
}

// prepared is an open loop that waits for its start.
type prepared struct {
	loop      loadgen.Open
	unit      loadgen.Unit
	check     func([]results.Sample) error
	close     func()
	halt      context.CancelFunc
	ctx       context.Context
	collected int // how much the heap grew before it was collected, percent, until this was prepared; 0 for as ever
}

// Prepare makes all that a trial needs before its clock starts: schedule, sockets, workers' memory. Open runs it.
func (r *LoadRole) Prepare(args OpenArgs, _ *None) error {
	at, err := loadgen.Schedule(args.Phases, args.Seed)
	if err != nil {
		return err
	}
	p := &prepared{close: func() {}, check: func([]results.Sample) error { return nil }}
	p.ctx, p.halt = context.WithCancel(context.Background())
	p.loop = loadgen.Open{At: every(at, args.Share, args.Of), Clock: r.clock}
	switch {
	case args.Handshake != nil:
		args.Handshake.verifyOnce = args.Sparing
		d, err := newDialers(*args.Handshake, nil)
		if err != nil {
			return err
		}
		p.loop.Workers, p.close = args.Handshake.Concurrency, d.close
		p.unit = loadgen.Handshake(r.clock, d.dial, args.Handshake.Timeout)
		p.check = func(s []results.Sample) error { return args.Handshake.assertGroup(s) }
	case args.Request != nil:
		visitors, err := r.visitors(*args.Request)
		if err != nil {
			return err
		}
		p.loop.Workers, p.unit = args.Request.Concurrency, visitors.Request(args.Request.Ask)
	default:
		return errors.New("prepare: neither handshakes nor requests")
	}
	if args.Sparing {
		recorder := 2 * uint64(len(p.loop.At)) * uint64(unsafe.Sizeof(results.Sample{})) // see loadgen.Open
		p.collected = debug.SetGCPercent(sparing(heapInUse() + recorder))
	}
	r.setPrepared(p)
	return nil
}

// spare is how much more memory a generator may take for collecting its garbage seldom, bytes.
const spare = 128 << 20

// sparing is how much a heap with so much in use may grow before it is collected, percent: by spare, at least by the usual 100,
// and by no more than changes anything. With 1600 the p99 of handshakes at half the knee's rate was a sixth shorter.
func sparing(live uint64) int {
	return int(min(max(100*spare/max(live, 1), 100), 1600))
}

func heapInUse() uint64 {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return mem.HeapAlloc
}

// every is each of-th instant from the share-th.
func every(at []int64, share, of int) []int64 {
	if of <= 1 {
		return at
	}
	mine := make([]int64, 0, len(at)/of+1)
	for i := share; i < len(at); i += of {
		mine = append(mine, at[i])
	}
	return mine
}

func (r *LoadRole) setPrepared(p *prepared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prepared = p
}

// Open runs the prepared trial; start is on the run's clock and to come.
func (r *LoadRole) Open(start int64, reply *TrialReply) error {
	r.mu.Lock()
	p := r.prepared
	r.mu.Unlock()
	if p == nil {
		return errors.New("open: nothing is prepared")
	}
	defer p.close()
	defer r.setPrepared(nil)
	if p.collected != 0 {
		defer debug.SetGCPercent(p.collected)
	}
	p.loop.Start = start
	reply.measure(r.clock, func() {
		reply.Samples, reply.Scheduled, reply.Dropped = p.loop.Run(p.ctx, p.unit)
	})
	if err := p.check(reply.Samples); err != nil {
		return err
	}
	return loadgen.Check(reply.Samples, reply.Scheduled, reply.Dropped)
}

// Halt ends a trial in progress early: its units in flight end, and what was scheduled for later never was.
func (r *LoadRole) Halt(_ None, _ *None) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.prepared != nil {
		r.prepared.halt()
	}
	return nil
}

// haltable is the context of a closed loop, which Halt ends.
func (r *LoadRole) haltable() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.setPrepared(&prepared{halt: cancel})
	return ctx, func() {
		r.setPrepared(nil)
		cancel()
	}
}

// ClosedArgs describe a closed loop of handshakes for a duration.
type ClosedArgs struct {
	HandshakeArgs
	Duration time.Duration
}

// Closed runs a closed loop of handshakes: how fast it can go, and nothing about latency under load.
func (r *LoadRole) Closed(args ClosedArgs, reply *TrialReply) error {
	d, err := newDialers(args.HandshakeArgs, nil)
	if err != nil {
		return err
	}
	defer d.close()
	ctx, done := r.haltable()
	defer done()
	loop := loadgen.Closed{Workers: args.Concurrency, Duration: args.Duration, Clock: r.clock}
	reply.measure(r.clock, func() {
		reply.Samples, reply.Scheduled, reply.Dropped = loop.Run(ctx, loadgen.Handshake(r.clock, d.dial, args.Timeout))
	})
	if err := args.assertGroup(reply.Samples); err != nil {
		return err
	}
	return loadgen.Check(reply.Samples, reply.Scheduled, reply.Dropped)
}

// assertGroup holds the negotiated groups against the offer. At a server of the user's own an offer of several leaves
// the choice to it.
func (a HandshakeArgs) assertGroup(samples []results.Sample) error {
	if a.Target != nil && len(a.Groups) > 1 {
		return nil
	}
	return loadgen.AssertGroup(samples, a.Want)
}

// Merge joins what the processes of one trial saw, without loss.
func Merge(replies []TrialReply) TrialReply {
	all := replies[0]
	for _, r := range replies[1:] {
		all.Samples = append(all.Samples, r.Samples...)
		all.Scheduled += r.Scheduled
		all.Dropped += r.Dropped
		all.Started, all.Finished = min(all.Started, r.Started), max(all.Finished, r.Finished)
		all.Usage = all.Usage.Add(r.Usage)
	}
	slices.SortStableFunc(all.Samples, func(a, b results.Sample) int {
		return cmp.Compare(a.Intended, b.Intended)
	})
	return all
}

// Target is a QUIC server of the user's own.
type Target struct {
	ALPN     []string
	SNI      string
	Insecure bool // its certificate is not checked
}
