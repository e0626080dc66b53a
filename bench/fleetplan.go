package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
)

// Fleet is what the experiments fleet and storm hold, and what they do to it.
type Fleet struct {
	// Sizes are numbers of tunnels, each an arm of its own.
	Sizes []int `yaml:"sizes,omitempty"`
	// Timers are the tunnels' keep-alive period and idle time-out, such as 1s/5s, which are cloudflared's; both ends
	// have the same idle time-out, and the connector alone sends keep-alives.
	Timers []Timers `yaml:"timers,omitempty"`
	// Share is the part of the tunnels that offer an arm's group, if it is a hybrid; the others offer the control.
	Share Share `yaml:"post_quantum_share,omitempty"`
	// Sockets is shared (the default), or each: a UDP socket for each connection, as a real connector has.
	Sockets string `yaml:"sockets,omitempty"`
	// Outage is how long no edge can be reached. Ending is how it begins: close tells every connector at once, kill tells
	// nobody, so that the idle time-out has to find out. Colos is how many data centers there are: of two, one goes.
	Outage Duration `yaml:"outage,omitempty"`
	Ending string   `yaml:"ending,omitempty"`
	Colos  int      `yaml:"colos,omitempty"`
	// Admission is what the edge does when many come at once: none, retry-N or cap-N; see Admission.
	Admission []Admission `yaml:"admission,omitempty"`
	// Requests are sent meanwhile at this rate, through all tunnels in turn.
	Requests Rate `yaml:"requests,omitempty"`
	// Beside runs the arms of a block at the same time, each with processes of its own: right as long as the host has
	// CPU time to spare, and a run takes the time of one arm.
	Beside bool `yaml:"beside,omitempty"`
}

// holders are the experiments that hold fleets.
var holders = []string{"fleet", "storm"}

// The values of Fleet's fields.
const (
	socketsShared = "shared"
	socketsEach   = "each"
	endingClose   = "close"
	endingKill    = "kill"
)

// Timers are a keep-alive period and an idle time-out.
type Timers struct{ KeepAlive, Idle time.Duration }

// cloudflaredTimers are those of every release.
var cloudflaredTimers = Timers{tunnel.KeepAlivePeriod, tunnel.MaxIdleTimeout}

// ParseTimers reads a keep-alive period and an idle time-out, such as 15s/60s.
func ParseTimers(text string) (Timers, error) {
	keepAlive, idle, ok := strings.Cut(text, "/")
	k, errK := time.ParseDuration(keepAlive)
	i, errI := time.ParseDuration(idle)
	if !ok || errK != nil || errI != nil || k <= 0 || i < 2*k {
		return Timers{}, fmt.Errorf("%q: want a keep-alive period and an idle time-out of at least twice that, such as 15s/60s", text)
	}
	return Timers{k, i}, nil
}

// String is the timers as ParseTimers reads them.
func (t Timers) String() string { return brief(t.KeepAlive) + "/" + brief(t.Idle) }

// brief is a duration without the zeros at its end.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// UnmarshalYAML reads timers such as 15s/60s.
func (t *Timers) UnmarshalYAML(n *yaml.Node) (err error) {
	if *t, err = ParseTimers(n.Value); err != nil {
		return fmt.Errorf("line %d: timers: %w", n.Line, err)
	}
	return nil
}

// MarshalYAML writes them as they are read.
func (t Timers) MarshalYAML() (any, error) { return t.String(), nil }

// Share is a part of a whole, above 0 and up to 1; 0 is not given.
type Share float64

// ParseShare reads a share in per cent, such as 30%.
func ParseShare(text string) (Share, error) {
	number, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(v > 0) || v > 100 {
		return 0, fmt.Errorf("%q is not a share above 0%% and up to 100%%, such as 30%%", text)
	}
	return Share(v / 100), nil
}

// String is the share in per cent; empty when it is not given.
func (s Share) String() string {
	if s == 0 {
		return ""
	}
	return strconv.FormatFloat(100*float64(s), 'g', 6, 64) + "%"
}

// UnmarshalYAML reads a share such as 30%.
func (s *Share) UnmarshalYAML(n *yaml.Node) (err error) {
	if *s, err = ParseShare(n.Value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// MarshalYAML writes it as it is read.
func (s Share) MarshalYAML() (any, error) { return s.String(), nil }

// of says whether tunnel i of n belongs to the share: they are spread evenly.
func (s Share) of(i int) bool {
	return math.Floor(float64(i+1)*float64(s)+1e-9) > math.Floor(float64(i)*float64(s)+1e-9)
}

// Admission is what an edge does when many connections come at once: "none"; "retry-N" has them prove their address
// by a Retry when N handshakes are in progress, which costs them a round trip; "cap-N" refuses those above N, and
// the connector's law brings them back later.
type Admission string

// limits are the thresholds of the edge; 0 is never.
func (a Admission) limits() (retryAbove, refuseAbove int, err error) {
	if a == "none" {
		return 0, 0, nil
	}
	kind, number, _ := strings.Cut(string(a), "-")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1 || n > 1_000_000:
	case kind == "retry":
		return n, 0, nil
	case kind == "cap":
		return 0, n, nil
	}
	return 0, 0, fmt.Errorf("admission %q: want none, retry-N or cap-N, such as cap-64", string(a))
}

// fill takes over the defaults of what is not said.
func (f *Fleet) fill(d Fleet) {
	if len(f.Sizes) == 0 {
		f.Sizes = d.Sizes
	}
	if len(f.Timers) == 0 {
		f.Timers = d.Timers
	}
	if len(f.Admission) == 0 {
		f.Admission = d.Admission
	}
	f.Sockets, f.Ending, f.Colos = cmp.Or(f.Sockets, d.Sockets), cmp.Or(f.Ending, d.Ending), cmp.Or(f.Colos, d.Colos)
	f.Outage, f.Requests = cmp.Or(f.Outage, d.Outage), cmp.Or(f.Requests, d.Requests)
}

// maxFleet bounds what a typing error can ask for.
const maxFleet = 100_000

// checkFleet is inRange for the fields of Fleet.
func (e *Experiment) checkFleet() error {
	f := &e.Fleet
	for _, n := range f.Sizes {
		if n < 1 || n > maxFleet {
			return fmt.Errorf("sizes: %d is out of range, want 1 to %d tunnels", n, maxFleet)
		}
	}
	for _, n := range f.Sizes {
		if f.Share > 0 && float64(n)*float64(f.Share) < 1 {
			return fmt.Errorf("post_quantum_share: %v of %d tunnels are none: hold more, or leave it out", f.Share, n)
		}
	}
	for _, a := range f.Admission {
		if _, _, err := a.limits(); err != nil {
			return err
		}
	}
	switch {
	case f.Sockets != socketsShared && f.Sockets != socketsEach:
		return fmt.Errorf("sockets: %q is unknown; shared or each", f.Sockets)
	case e.Run == "storm" && f.Ending != endingClose && f.Ending != endingKill:
		return fmt.Errorf("ending: %q is unknown; close or kill", f.Ending)
	case e.Run == "storm" && f.Colos != 1 && f.Colos != 2:
		return fmt.Errorf("colos: %d is out of range, want 1 or 2", f.Colos)
	case e.Run == "storm" && f.Colos == 2 && e.Conns < 2:
		return errors.New("colos: a tunnel of one connection is at one data center alone; want conns of at least 2")
	case e.Run == "storm" && float64(f.Requests)*e.visited().Seconds() > loadgen.MaxArrivals:
		return fmt.Errorf("requests: %v for as long as a storm may last (%v) are more than %d: send fewer, or shorten the timeout", f.Requests, e.visited(), loadgen.MaxArrivals)
	case f.Share > 0 && e.Control.Expected().Hybrid():
		return errors.New("post_quantum_share: the other tunnels offer the control, which must be classical")
	}
	return errors.Join(once("sizes", f.Sizes), once("timers", f.Timers), once("admission", f.Admission))
}

// visited is how long visitors' requests go on at the most, while a fleet meets its storm.
func (e *Experiment) visited() time.Duration {
	return time.Duration(e.Timeout) + time.Duration(e.Outage) + time.Minute
}

// fleetArms are the arms of an experiment that holds fleets.
func (e *Experiment) fleetArms() (arms []arm, skipped []string) {
	for _, timers := range e.Timers {
		for _, size := range e.Sizes {
			for _, admission := range append(slices.Clone(e.Admission), "")[:max(1, len(e.Admission))] {
				factors := results.Arm{Tunnels: size, Timers: timers.String()}
				if e.Run == "storm" {
					factors.Outage, factors.Admission = e.outage(), string(admission)
				}
				for _, o := range e.Groups {
					more, why := e.armsOf(o, factors, true)
					arms = append(arms, more...)
					skipped = append(skipped, why...)
				}
			}
		}
	}
	return arms, unique(skipped)
}

// outage is what happens, in an arm's words.
func (e *Experiment) outage() string {
	text := e.Ending + " " + brief(time.Duration(e.Outage))
	if e.Colos == 2 {
		text = "colo " + text
	}
	return text
}

func (e *Experiment) fleetMethod() string {
	return fmt.Sprintf("Fleets of %s tunnels with %d connections each come up as fast as the edge follows, and are then held for %v without any request; processes of their own for each arm and block. "+
		"The connectors are one process, their sockets %s. Memory is the resident set at the end of that time; live is heap and stacks in use after a collection. "+
		"Memory per tunnel is the slope of a straight line through the sizes (least squares), its interval a bootstrap over blocks: what the process takes without any tunnel does not count. "+
		"A connection's share is that of its tunnel by %d. CPU and keep-alives (all datagrams sent, as UDP payload) are those of that time where it lasts %d keep-alive periods, once path MTU discovery has ended. A probe of %d requests follows: the tunnels answer.",
		sizeList(e.Sizes), e.Conns, time.Duration(e.Time), e.Sockets, e.Conns, countedPeriods, probes)
}

func (e *Experiment) stormMethod() string {
	what := fmt.Sprintf("the edge is stopped (%s) and a new process takes its place after %v", e.Ending, time.Duration(e.Outage))
	if e.Colos == 2 {
		what = "of two data centers one goes: " + what + ". A connection that cannot reach its own tries another address, mostly of the same data center, since the law keeps both in even use"
	}
	text := fmt.Sprintf("Fleets of %s tunnels with %d connections each; %s. The connectors return by cloudflared's law: a wait of their own below 2 s, 4 s, …, and all but a tunnel's first a shared one below 20 s, 40 s, … on top. "+
		"The waits are drawn from a seed of the block, the same for all its arms. The time to recover runs from the moment an edge can be reached again until so many of the lost connections are registered. "+
		"The peak is the most handshakes completed within one second. Where all of the host's cores are used in the busiest second, connectors and edge, which share them, cannot be told apart as the limit. CPU and bytes are those from the stop until all are back, or for %v at the most.", sizeList(e.Sizes), e.Conns, what, time.Duration(e.Timeout))
	if e.Beside {
		text += " The arms of a block run side by side, each with processes of its own."
	}
	return text
}

func sizeList(sizes []int) string {
	text := strings.Trim(fmt.Sprint(sizes), "[]")
	return strings.ReplaceAll(text, " ", ", ")
}
