package wire

// lostClientPackets counts the client's packets that were never acknowledged although a later one was. 1-RTT packets
// are left out: they may still be under way when the handshake is confirmed.
func (c *counter) lostClientPackets() (lost int) {
	for s := range spaceApplication {
		for _, pn := range c.sent[s] {
			if pn < c.acked[s].max() && !c.acked[s].covers(span{pn, pn + 1}) {
				lost++
			}
		}
	}
	return lost
}

// lostServerPackets counts the packet numbers of the server's that never arrived, below the largest of an Initial or
// Handshake packet that did.
//
// Packet numbers start at 0 in each space (RFC 9000 section 12.3), so a number seen in two spaces says that each is
// counted for itself. quic-go draws the numbers of all three from one sequence instead: Initial 0, Handshake 1, 1-RTT 2.
// Numbers that are all different are taken for such a sequence.
//
// Packets that arrived but stayed closed have a number too, an unknown one: each makes up for one that is missing.
func (c *counter) lostServerPackets() int {
	top := max(c.received[spaceInitial].max(), c.received[spaceHandshake].max())
	var all coverage
	var each, lost uint64
	for s := range spaces {
		for _, r := range c.received[s] {
			all.add(span{min(r.start, top), min(r.end, top)})
			each += min(r.end, top) - min(r.start, top)
		}
		if s != spaceApplication {
			lost += c.received[s].max() - c.received[s].size()
		}
	}
	if oneSequence := all.size() == each; oneSequence {
		lost = top - all.size()
	}
	return max(0, int(lost)-c.closed)
}
