package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// Several data centers pass each other's requests on. Those of one process find each other by themselves; those of
// others are named by --peer, and all of them present certificates of one authority, which is the state's folder
// "relay": it is copied to the others before they start.

// relayFolder is where a state keeps that authority.
const relayFolder = "relay"

// Relay is the authority of the edge's data centers, made at the first call.
func (s State) Relay() (*ca.CA, error) { return s.authority(relayFolder, ca.NewRelay) }

// peers are the data centers of other processes.
func (s EdgeSettings) peers() ([]edge.Peer, error) {
	var peers []edge.Peer
	for _, text := range s.Peers {
		name, address, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q: want NAME=HOST:PORT", text)
		}
		taken := func(p edge.Peer) bool { return p.Name == name }
		if slices.Contains(s.names(), name) || slices.ContainsFunc(peers, taken) {
			return nil, fmt.Errorf("%s: there is another data center of that name", name)
		}
		a, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		peers = append(peers, edge.Peer{Name: name, Addr: a})
	}
	return peers, nil
}

// relayListen are the addresses at which data centers are reached by each other; none when there is one alone.
func (s EdgeSettings) relayListen() ([]string, error) {
	n := len(s.names())
	switch {
	case n == 1 && len(s.Peers) == 0:
		if len(s.RelayListen) > 0 {
			return nil, &SettingError{"relay-listen", errors.New("one data center alone relays to nobody; name others with --colo or --peer")}
		}
		return nil, nil
	case len(s.Peers) > 0 && len(s.RelayListen) == 0:
		return nil, &SettingError{"relay-listen", errors.New("with --peer it must be given: it is the address that the peers name")}
	}
	return spread("relay-listen", s.RelayListen, "127.0.0.1:0", n)
}

// openRelays opens the sockets of all data centers before the first one starts, since each is told the others' ports.
func (d *edgeDaemon) openRelays() error {
	addresses, err := d.settings.relayListen()
	if err != nil || addresses == nil {
		return err
	}
	authority, err := d.state.Relay()
	if err != nil {
		return err
	}
	d.relayTLS = &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, RootCAs: authority.Pool()}
	for _, address := range addresses {
		socket, err := listenUDP(address)
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		d.relaySockets = append(d.relaySockets, socket)
	}
	return nil
}

// relay is the part of data center i in the mesh; nil when there is none.
func (d *edgeDaemon) relay(i int) *edge.RelayConfig {
	if d.relaySockets == nil {
		return nil
	}
	peers := slices.Clone(d.peers)
	for other, s := range d.sites {
		if other != i {
			peers = append(peers, edge.Peer{Name: s.name, Addr: d.relaySockets[other].LocalAddr()})
		}
	}
	return &edge.RelayConfig{TLS: d.relayTLS.Clone(), PacketConn: d.relaySockets[i], Peers: peers}
}
