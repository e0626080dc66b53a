package wire

import "slices"

// trace is one connection's datagrams, split into packets and opened as far as the keys go.
type trace struct {
	opener    *opener
	datagrams []tracedDatagram
}

type tracedDatagram struct {
	Datagram
	packets []packet
	padding int // zero bytes behind the last packet
}

// newTrace splits the datagrams and opens what needs no key log: the Initials.
func newTrace(datagrams []Datagram) *trace {
	t := &trace{opener: newOpener()}
	for _, d := range datagrams {
		packets, padding := splitDatagram(d.Payload)
		for i := range packets {
			if k := packets[i].kind; k == kindInitial || k == kindRetry {
				t.opener.open(d.Dir, &packets[i])
			}
		}
		t.datagrams = append(t.datagrams, tracedDatagram{Datagram: d, packets: packets, padding: padding})
	}
	return t
}

// install adds the keys that a key log gives. Secrets that are missing, or of a length that does not fit the
// cipher suite, leave their packets closed.
func (t *trace) install(suite uint16, secrets map[string][]byte) {
	for dir := range t.opener.keys {
		for s, label := range map[space]string{spaceHandshake: handshakeLabels[dir], spaceApplication: applicationLabels[dir]} {
			if k, err := newKeys(suite, secrets[label]); err == nil {
				t.opener.keys[dir][s] = k
			}
		}
	}
}

// openProtected opens Handshake and 1-RTT packets, up to the datagram that confirms the handshake. What follows
// is no part of it, and keys may be updated from there on (RFC 9001 section 6): it is cut off.
func (t *trace) openProtected() (confirmed bool) {
	for i, d := range t.datagrams {
		for j := range d.packets {
			p := &d.packets[j]
			if !p.opened {
				t.opener.open(d.Dir, p)
			}
			confirmed = confirmed || d.Dir == ServerToClient && p.kind == kindOneRTT && p.frames.done
		}
		if confirmed {
			t.datagrams = t.datagrams[:i+1]
			return true
		}
	}
	return false
}

// messages puts one CRYPTO stream together and returns its complete handshake messages.
func (t *trace) messages(dir Direction, s space) []message {
	var pieces []cryptoFrame
	for _, d := range t.datagrams {
		if d.Dir != dir {
			continue
		}
		for i := range d.packets {
			if p := &d.packets[i]; p.opened && t.counts(p, s) {
				pieces = append(pieces, p.frames.crypto...)
			}
		}
	}
	return splitMessages(assemble(pieces))
}

// counts reports whether an opened packet is of the space, and not of a flight that a Retry undid: the client
// then begins its CRYPTO stream anew (RFC 9000 section 17.2.5.3).
func (t *trace) counts(p *packet, s space) bool {
	got, ok := p.kind.space()
	return ok && got == s && (s != spaceInitial || p.epoch == t.opener.epoch)
}

// ofType returns the last message of a type; its span is empty when there is none.
func ofType(messages []message, typ uint8) message {
	for _, m := range slices.Backward(messages) {
		if m.typ == typ {
			return m
		}
	}
	return message{}
}
