package link

import "fmt"

// ECN is a datagram's mark in its IP header (RFC 3168, Section 5).
type ECN uint8

// The marks. quic-go sets ECT(0), on 1-RTT packets alone, until it finds that a path does not carry it (RFC 9000,
// Section 13.4.2).
const (
	NotECT ECN = iota
	ECT1
	ECT0
	CE

	ecnBits = 3 // of the former TOS byte
)

func (m ECN) String() string { return [...]string{"Not-ECT", "ECT(1)", "ECT(0)", "CE"}[m] }

// ClearECN returns a middlebox that clears the mark of every datagram, both ways.
func ClearECN() Middlebox {
	return marker{"clear-ecn", func(d *datagram) bool { d.mark = NotECT; return true }}
}

// MangleECN returns a middlebox that says of every marked datagram, both ways, that it met congestion.
func MangleECN() Middlebox {
	return marker{"mangle-ecn", func(d *datagram) bool {
		if d.mark != NotECT {
			d.mark = CE
		}
		return true
	}}
}

// BlockECN returns a middlebox that lets no marked datagram pass, either way, as some old firewalls do (RFC 3168,
// Section 5.4 warns of them; RFC 9000, Section 13.4.2 has an endpoint stop marking because of them).
func BlockECN() Middlebox {
	return marker{"block-ecn", func(d *datagram) bool { return d.mark == NotECT }}
}

// A marker is a middlebox that acts on a datagram's mark. It needs sockets that carry one.
type marker struct {
	name string
	act  func(*datagram) bool
}

func (m marker) String() string        { return m.name }
func (m marker) start() box            { return m }
func (m marker) pass(d *datagram) bool { return m.act(d) }
func (m marker) check() error          { return MarkingUnsupported() }

// ActsOnECN reports whether a middlebox does: it makes no difference where the ends do not mark.
func ActsOnECN(m Middlebox) bool {
	_, ok := m.(marker)
	return ok
}

// marks reports whether the sockets of the path carry ECN.
func (p Path) marks() bool {
	for _, m := range p.Middleboxes {
		if ActsOnECN(m) {
			return true
		}
	}
	return p.ECN
}

// checkMarks refuses ECN where quic-go would not use it.
func (p Path) checkMarks() error {
	if !p.ECN {
		return nil
	}
	if err := MarkingUnsupported(); err != nil {
		return fmt.Errorf("ECN: %w", err)
	}
	return nil
}
