package link

import (
	"fmt"
	"net"
	"strings"
	"time"

	"pqbench/kex"
)

// A Middlebox is one that stands on a path at the client's end and lets datagrams pass or not. It never alters their
// payload, though some alter the ECN mark of their header. Each Connect begins with a fresh one that has seen nothing.
type Middlebox interface {
	String() string // in the form that ParseMiddlebox reads

	check() error
	start() box
}

// A box is a middlebox at work on one path. It must keep neither d nor d.payload, nor alter the latter.
type box interface {
	pass(d *datagram) bool
}

// A datagram on its way.
type datagram struct {
	dir     Dir
	event   int           // index in the record
	at      time.Duration // when it reached the place where it now is, since the record began
	client  net.Addr      // the client's address as seen from where it now is: the source of what goes up, the destination of what goes down
	packets Packets
	mark    ECN
	payload []byte
}

// initial reports whether the datagram is the client's and holds an Initial packet.
func (d *datagram) initial() bool { return d.dir == Up && d.packets.Has(Initial) }

// flow names the connection that an Initial of the client's belongs to: its source connection ID stays the same through
// Retry and retransmissions (RFC 9000, Section 7.2). With empty ones all connections of a socket are one flow.
func (d *datagram) flow() string {
	h, _ := parseHeader(d.payload)
	return string(h.scid)
}

// flows is what a box remembers about each flow. It forgets the oldest, as real ones do: the table is of
// bounded size whatever is sent.
type flows[S any] struct {
	known map[string]*S
	order []string
}

const maxFlows = 256

func (f *flows[S]) of(name string) *S {
	if s, ok := f.known[name]; ok {
		return s
	}
	if f.known == nil {
		f.known = make(map[string]*S)
	}
	if len(f.order) == maxFlows {
		delete(f.known, f.order[0])
		f.order = f.order[:copy(f.order, f.order[1:])]
	}
	s := new(S)
	f.known[name], f.order = s, append(f.order, name)
	return s
}

// kinds lists the middleboxes: each with its defaults, and how its arguments are read.
var kinds = []struct {
	name  string
	usual Middlebox
	parse func(args []string) (Middlebox, error) // nil for one without arguments
}{
	{"drop-second-initial", DropSecondInitial(), nil},
	{"drop-split-client-hello", DropSplitClientHello(), nil},
	{"drop-unknown-groups", DropUnknownGroups(), parseUnknownGroups},
	{"limit-size", LimitSize(0), one(parseSize)},
	{"block-udp", BlockUDP(), nil},
	{"rate-limit-initials", RateLimitInitials(0), one(parseInitials)},
	{"forgetful-nat", ForgetfulNAT(0), one(parseIdle)},
	{"clear-ecn", ClearECN(), nil},
	{"mangle-ecn", MangleECN(), nil},
	{"block-ecn", BlockECN(), nil},
}

// Middleboxes returns one of each kind, as it is without arguments.
func Middleboxes() (all []Middlebox) {
	for _, k := range kinds {
		all = append(all, k.usual)
	}
	return all
}

// ParseMiddlebox reads the name of a middlebox, with or without arguments: "block-udp", "limit-size(1280)",
// "rate-limit-initials(2)" (per second), "forgetful-nat(30s)", "drop-unknown-groups(X25519,P-256)".
func ParseMiddlebox(text string) (Middlebox, error) {
	name, args, err := parseCall(text)
	if err != nil {
		return nil, fmt.Errorf("middlebox %q: %w", text, err)
	}
	var names []string
	for _, k := range kinds {
		if names = append(names, k.name); k.name != name {
			continue
		}
		switch {
		case len(args) == 0:
			return k.usual, nil
		case k.parse == nil:
			return nil, fmt.Errorf("middlebox %q: %s takes no arguments", text, name)
		}
		m, err := k.parse(args)
		if err == nil {
			err = m.check()
		}
		if err != nil {
			return nil, fmt.Errorf("middlebox %q: %w", text, err)
		}
		return m, nil
	}
	return nil, fmt.Errorf("unknown middlebox %q%s: there are %s", text, kex.DidYouMean(name, names), strings.Join(names, ", "))
}

// one makes a parser of arguments from one of a single argument.
func one(parse func(string) (Middlebox, error)) func([]string) (Middlebox, error) {
	return func(args []string) (Middlebox, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("want one argument, got %d", len(args))
		}
		return parse(args[0])
	}
}
