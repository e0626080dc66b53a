package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"pqbench/tunnel"
)

// A Lookup finds the addresses of a name; net.Resolver's LookupNetIP is one.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// ResolveEdges makes address slots of --edge values: host:port, or a host alone for port 7844, with an IPv6 address in
// brackets or, alone, without. Each is a slot, a name one for each of its addresses; a value given twice is two slots.
// nil is the system's resolver.
func ResolveEdges(ctx context.Context, edges []string, lookup Lookup) ([]net.Addr, error) {
	if len(edges) == 0 {
		return nil, errors.New("there is no edge to dial; give --edge HOST:PORT")
	}
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	var slots []net.Addr
	for _, e := range edges {
		host, port, err := splitEdge(e)
		if err != nil {
			return nil, err
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			slots = append(slots, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
			continue
		}
		found, err := lookup(ctx, "ip", host)
		if err != nil {
			return nil, fmt.Errorf("edge %q: %w", e, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("edge %q: the name has no address", e)
		}
		for _, ip := range found {
			slots = append(slots, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port)))
		}
	}
	return slots, nil
}

func splitEdge(e string) (host string, port uint16, err error) {
	if _, err := netip.ParseAddr(e); err == nil {
		return e, tunnel.DefaultPort, nil
	}
	host, text, err := net.SplitHostPort(e)
	if err != nil && !strings.Contains(e, ":") {
		host, text, err = e, strconv.Itoa(tunnel.DefaultPort), nil
	}
	n, numErr := strconv.ParseUint(text, 10, 16)
	if err != nil || numErr != nil || host == "" || n == 0 {
		return "", 0, fmt.Errorf("edge %q: want host:port", e)
	}
	return host, uint16(n), nil
}
