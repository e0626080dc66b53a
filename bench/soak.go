package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/results/stats"
	"pqbench/tunnel"
)

// SoakOptions are those of a soak. The zero value soaks for half an hour.
type SoakOptions struct {
	Time    time.Duration // default 30 min
	Tunnels int           // that come and go in each round; default 8
	Seed    uint64
	// Round is told of each round's end; nil for silence.
	Round func(n int)
}

// A Vital is something that a process may hold more and more of: its level at the first round that counts, and how
// much it grew each round.
type Vital struct {
	Process, Name, Unit string
	Level               float64
	Growth              stats.Interval // per round
	Rounds              int
}

// Grows says whether the growth is there (its interval is above zero) and large enough to matter over the soak: more
// than a twentieth of the level.
func (v Vital) Grows() bool {
	return v.Growth.Low > 0 && v.Growth.Value*float64(v.Rounds) > v.Level/20
}

// ErrGrowth is returned by a soak that found something to grow.
var ErrGrowth = errors.New("something grows")

// soakWarmup is how many rounds pools and caches may take to fill.
const soakWarmup = 5

// Soak lets tunnels come and go at one edge and in one process of connectors, with requests through them, and reads
// what both processes hold at rest after every round. Two of the tunnels stand all the time. Failed requests are an
// error: a soak is no load test.
func Soak(ctx context.Context, o SoakOptions) (vitals []Vital, err error) {
	if o.Time <= 0 {
		o.Time = 30 * time.Minute
	}
	if o.Tunnels <= 0 {
		o.Tunnels = 8
	}
	s, err := newSoak(ctx, o)
	defer s.stop()
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(o.Time)
	for n := 1; n <= soakWarmup+stats.MinBlocks || time.Now().Before(end); n++ {
		if err := s.round(s.holding.ctx, n > soakWarmup); err != nil {
			err = fmt.Errorf("round %d: %w", n, s.holding.r.procs.why(err))
			if n <= soakWarmup+stats.MinBlocks {
				return nil, err
			}
			vitals, _ := s.judge() // what was seen until then
			return vitals, err
		}
		if o.Round != nil {
			o.Round(n)
		}
	}
	return s.judge()
}

// A soak is the processes, and what they held after each round.
type soak struct {
	o         SoakOptions
	holding   *holding
	standing  *role.Proc // holds the tunnels that stay
	processes []soaked
}

type soaked struct {
	name   string
	proc   *role.Proc
	points map[string][]stats.Point
}

func newSoak(ctx context.Context, o SoakOptions) (*soak, error) {
	e := Experiment{Run: "fleet", Groups: []Offer{{mustGroup("X25519MLKEM768")}}}
	e.Sizes = []int{o.Tunnels}
	if err := e.complete(); err != nil {
		return &soak{}, err
	}
	cert, err := newChain(string(e.Certs[0]))
	if err != nil {
		return &soak{}, err
	}
	arms, _ := e.fleetArms()
	r := &runner{manifest: results.Manifest{Seed: o.Seed}, clock: loadgen.NewClock()}
	r.procs = watchOver(ctx, r.clock)
	ctx = r.procs.ctx
	h, _, err := r.hold(ctx, part{Experiment: &e, arms: arms}, cert, arms[0], o.Seed)
	s := &soak{o: o, holding: h}
	if err != nil {
		return s, err
	}
	s.processes = []soaked{{"edge", h.edges[0], map[string][]stats.Point{}}, {"connector", h.connector, map[string][]stats.Point{}}}
	return s, s.stay(ctx)
}

// stay brings up the tunnels that stand all the time, in a process of their own.
func (s *soak) stay(ctx context.Context) (err error) {
	h := s.holding
	if s.standing, err = h.open(ctx, role.Connector); err != nil {
		return err
	}
	args := h.fleetArgs(s.o.Seed)
	args.Tunnels, args.OfferOf = nil, []int{0, 0}
	for range args.OfferOf {
		c := tunnel.Credentials{AccountTag: "pqbench", TunnelSecret: make([]byte, 32), TunnelID: uuid.New()}
		_, _ = rand.Read(c.TunnelSecret) // never fails
		args.Tunnels = append(args.Tunnels, c)
	}
	if err := h.edges[0].Call(ctx, "Authorize", args.Tunnels, &role.None{}); err != nil {
		return err
	}
	return s.standing.Call(ctx, "StartFleet", args, &role.FleetReply{})
}

func (s *soak) stop() {
	if s.holding == nil {
		return
	}
	s.holding.stop()
	if s.standing != nil {
		s.standing.Stop()
	}
	s.holding.r.procs.close()
}

// round has requests pass, the tunnels go and come again, and the processes looked at while those are away.
func (s *soak) round(ctx context.Context, counts bool) error {
	h := s.holding
	reply, err := h.probe(ctx)
	if err != nil {
		return err
	}
	for _, r := range reply.Samples {
		if r.Class != "" {
			return fmt.Errorf("a request failed: %s: %s", r.Class, r.Detail)
		}
	}
	if err := errors.Join(h.load.Call(ctx, "Leave", role.None{}, &role.None{}), h.connector.Call(ctx, "StopFleet", role.None{}, &role.None{}),
		h.edges[0].Call(ctx, "Drain", role.DrainArgs{Timeout: drain}, &role.Drained{})); err != nil {
		return err
	}
	for i := range s.processes {
		var v role.Vitals
		if err := s.processes[i].proc.Call(ctx, "Vitals", role.None{}, &v); err != nil {
			return err
		}
		if counts {
			s.processes[i].add(v)
		}
	}
	return h.connector.Call(ctx, "StartFleet", h.fleetArgs(s.o.Seed), &role.FleetReply{})
}

// The names of vitals.
const (
	heapVital       = "heap"
	goroutinesVital = "goroutines"
	filesVital      = "descriptors"
)

func (p *soaked) add(v role.Vitals) {
	for name, value := range map[string]float64{heapVital: float64(v.Heap), goroutinesVital: float64(v.Goroutines), filesVital: float64(v.Descriptors)} {
		p.points[name] = append(p.points[name], stats.Point{X: float64(len(p.points[name])), Y: value})
	}
}

// judge fits a line to every vital over the rounds.
func (s *soak) judge() (vitals []Vital, err error) {
	for _, p := range s.processes {
		for _, of := range []struct{ name, unit string }{{heapVital, "B"}, {goroutinesVital, ""}, {filesVital, ""}} {
			v, lineErr := vitalOf(p.points[of.name], s.o.Seed)
			if lineErr != nil {
				return nil, lineErr
			}
			v.Process, v.Name, v.Unit = p.name, of.name, of.unit
			vitals = append(vitals, v)
			if v.Grows() {
				err = ErrGrowth
			}
		}
	}
	return vitals, err
}

// vitalOf is the line of one vital.
func vitalOf(points []stats.Point, seed uint64) (Vital, error) {
	rounds := make([][]stats.Point, len(points))
	for i, p := range points {
		rounds[i] = []stats.Point{p}
	}
	line, err := stats.FitLine(rounds, 0, seed)
	if err != nil {
		return Vital{}, err
	}
	return Vital{Level: line.Intercept.Value, Growth: line.Slope, Rounds: len(points)}, nil
}

// WriteSoak prints what a soak found.
func WriteSoak(w io.Writer, vitals []Vital) error {
	if _, err := fmt.Fprintf(w, "%-10s %-12s %14s %28s\n", "process", "holds", "at first", "growth per round [95 %]"); err != nil {
		return err
	}
	for _, v := range vitals {
		mark := ""
		if v.Grows() {
			mark = "  GROWS"
		}
		if _, err := fmt.Fprintf(w, "%-10s %-12s %14s %28s%s\n", v.Process, v.Name, fmt.Sprintf("%.0f %s", v.Level, v.Unit),
			fmt.Sprintf("%+.2f [%+.2f, %+.2f]", v.Growth.Value, v.Growth.Low, v.Growth.High), mark); err != nil {
			return err
		}
	}
	return nil
}

// mustGroup is a group that every build has.
func mustGroup(name string) kex.Group {
	g, err := kex.ByName(name)
	if err != nil {
		panic(err) // it is one of Go's own
	}
	return g
}
