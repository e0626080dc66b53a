package link

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"pqbench/kex"
	"pqbench/wire"
)

// DropSecondInitial returns a middlebox that drops the second datagram of a flow with an Initial from the client, and only
// that: the second half of a ClientHello that is split; where it is whole, what acknowledges the ServerHello.
func DropSecondInitial() Middlebox { return dropSecondInitial{} }

type dropSecondInitial struct{}

func (dropSecondInitial) String() string { return "drop-second-initial" }
func (dropSecondInitial) check() error   { return nil }
func (dropSecondInitial) start() box     { return &secondInitial{} }

type secondInitial struct{ flows flows[int] }

func (b *secondInitial) pass(d *datagram) bool {
	if !d.initial() {
		return true
	}
	n := b.flows.of(d.flow())
	*n++
	return *n != 2
}

// DropSplitClientHello returns a middlebox that opens the first Initial of a flow, as everybody can (RFC 9001, Section
// 5.2), and drops the flow's Initials, this one and all later ones, when the ClientHello is not whole in it.
func DropSplitClientHello() Middlebox { return dropSplitClientHello{} }

type dropSplitClientHello struct{}

func (dropSplitClientHello) String() string { return "drop-split-client-hello" }
func (dropSplitClientHello) check() error   { return nil }
func (dropSplitClientHello) start() box     { return &splitClientHello{} }

type splitClientHello struct{ flows flows[verdict] }

// verdict on a flow.
type verdict uint8

const (
	undecided verdict = iota
	allowed
	denied
)

func (b *splitClientHello) pass(d *datagram) bool {
	if !d.initial() {
		return true
	}
	v := b.flows.of(d.flow())
	if *v == undecided {
		*v = denied
		if _, complete, err := wire.ClientHelloOf([][]byte{d.payload}); err == nil && complete {
			*v = allowed
		}
	}
	return *v == allowed
}

// DropUnknownGroups returns a middlebox that reads the ClientHello of a flow, also when it is split, and drops the
// datagram that completes it and all later Initials of the flow when it names a group, in supported_groups or in
// key_share, that is not among those known. GREASE (RFC 8701) does not count. Without any it knows the groups of RFC 8446.
func DropUnknownGroups(known ...tls.CurveID) Middlebox {
	return &dropUnknownGroups{slices.Clone(known)}
}

type dropUnknownGroups struct{ known []tls.CurveID }

// rfc8446 are the groups of RFC 8446, Section 4.2.7: secp256r1 to secp521r1, x25519 and x448, ffdhe2048 to ffdhe8192.
var rfc8446 = []tls.CurveID{0x17, 0x18, 0x19, 0x1d, 0x1e, 0x100, 0x101, 0x102, 0x103, 0x104}

func (m *dropUnknownGroups) String() string {
	var names []string
	for _, id := range m.known {
		name := fmt.Sprintf("0x%04x", uint16(id))
		if g, ok := kex.ByID(id); ok {
			name = g.Label()
		}
		names = append(names, name)
	}
	if names == nil {
		return "drop-unknown-groups"
	}
	return "drop-unknown-groups(" + strings.Join(names, ",") + ")"
}

func (m *dropUnknownGroups) check() error { return nil }

func (m *dropUnknownGroups) start() box {
	if len(m.known) == 0 {
		return &unknownGroups{known: rfc8446}
	}
	return &unknownGroups{known: m.known}
}

func parseUnknownGroups(args []string) (Middlebox, error) {
	var known []tls.CurveID
	for _, arg := range args {
		g, err := kex.ByName(arg)
		if err != nil {
			return nil, err
		}
		known = append(known, g.ID)
	}
	return DropUnknownGroups(known...), nil
}

type unknownGroups struct {
	known []tls.CurveID
	flows flows[reading]
}

// reading is how far the box has come with a ClientHello.
type reading struct {
	verdict verdict
	seen    [][]byte
	bytes   int
}

// maxReading is how many bytes of a flow's Initials are kept: several times the largest ClientHello. A flow whose
// ClientHello is not whole by then is let through, since such a box has no time to wait.
const maxReading = 16 << 10

func (b *unknownGroups) pass(d *datagram) bool {
	if !d.initial() {
		return true
	}
	r := b.flows.of(d.flow())
	if r.verdict == undecided {
		r.seen, r.bytes = append(r.seen, slices.Clone(d.payload)), r.bytes+len(d.payload)
		if msg, complete, err := wire.ClientHelloOf(r.seen); err == nil && complete {
			r.verdict = b.judge(msg)
		} else if r.bytes > maxReading {
			r.verdict = allowed
		}
		if r.verdict != undecided {
			r.seen = nil
		}
	}
	return r.verdict != denied
}

func (b *unknownGroups) judge(clientHello []byte) verdict {
	hello, err := kex.ParseClientHello(clientHello)
	if err != nil {
		return denied // a box that looks for what it knows has found something else
	}
	named := slices.Clone(hello.Groups)
	for _, share := range hello.KeyShares {
		named = append(named, share.Group)
	}
	for _, id := range named {
		if grease := id&0x0f0f == 0x0a0a && id>>8 == id&0xff; !grease && !slices.Contains(b.known, id) {
			return denied
		}
	}
	return allowed
}
