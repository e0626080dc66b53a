package link

import (
	"fmt"
	"net"
	"time"
)

// ForgetfulNAT returns a middlebox that translates the client's address and forgets the mapping when nothing has passed
// it for idle: what the server sends is dropped from then on, and the client's next datagram gets a new port, which the
// server sees. 0 is 30 s, what Linux gives a UDP flow that has seen no answer (RFC 4787, REQ-5 asks for two minutes).
// The first mapping keeps the port. Datagrams of either direction refresh it.
func ForgetfulNAT(idle time.Duration) Middlebox {
	if idle == 0 {
		idle = 30 * time.Second
	}
	return forgetfulNAT(idle)
}

type forgetfulNAT time.Duration

func (m forgetfulNAT) String() string { return fmt.Sprintf("forgetful-nat(%v)", time.Duration(m)) }
func (m forgetfulNAT) start() box     { return &nat{idle: time.Duration(m)} }

func (m forgetfulNAT) check() error {
	if m <= 0 {
		return fmt.Errorf("idle time %v: want a positive one", time.Duration(m))
	}
	return nil
}

func parseIdle(text string) (Middlebox, error) {
	idle, err := time.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no duration: write 30s", text)
	}
	return forgetfulNAT(idle), nil
}

type nat struct {
	idle     time.Duration
	used     time.Duration // when a datagram last passed the mapping
	inner    net.Addr      // the client as seen from within; nil before the first datagram
	outer    net.Addr      // and as the server sees it
	mappings int
}

func (n *nat) pass(d *datagram) bool {
	forgotten := n.inner == nil || d.at-n.used > n.idle
	if d.dir == Down {
		if forgotten || !sameAddr(d.client, n.outer) {
			return false
		}
		d.client = n.inner
	} else {
		if forgotten {
			n.inner, n.outer = d.client, onPort(d.client, n.mappings)
			n.mappings++
		}
		d.client = n.outer
	}
	n.used = d.at
	return true
}

// onPort returns the address of the n-th mapping of a client: ports above 1024, from its own on. An address that is not
// of UDP has none, and stays the same.
func onPort(client net.Addr, n int) net.Addr {
	u, ok := client.(*net.UDPAddr)
	if !ok || n == 0 {
		return client
	}
	const reserved, ports = 1024, 1 << 16
	return &net.UDPAddr{IP: u.IP, Port: reserved + (max(u.Port, reserved)-reserved+n)%(ports-reserved), Zone: u.Zone}
}
