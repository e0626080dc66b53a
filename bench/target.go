package bench

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"pqbench/bench/role"
	"pqbench/results"
	"pqbench/tunnel"
)

// defaultALPN is what a QUIC server of the user's own most likely speaks.
const defaultALPN = "h3"

// check refuses what is no address, and certificates that cannot be read.
func (t *Target) check() error {
	host, port, err := net.SplitHostPort(t.Address)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf("target: %q is no HOST:PORT", t.Address)
	}
	_, err = t.roots()
	return err
}

// roots are the certificates to trust in place of the system's, PEM; nil for the system's.
func (t *Target) roots() ([]byte, error) {
	if t == nil || t.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("target: ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("target: ca: %s holds no certificate in PEM", t.CA)
	}
	return pem, nil
}

// address is where it is; empty for a local edge.
func (t *Target) address() string {
	if t == nil {
		return ""
	}
	return t.Address
}

// negotiated counts the completed handshakes by group, where a foreign server chose among several.
func (t *Target) negotiated(samples []results.Sample) map[string]int {
	if t == nil {
		return nil
	}
	groups := map[string]int{}
	for _, s := range samples {
		if s.Class == "" {
			groups[s.Group]++
		}
	}
	return groups
}

// At aims a plan at a server of the user's own; nil leaves it at the local edge. Only handshakes and load can go there.
func (p *Plan) At(t *Target) error {
	if t == nil {
		return nil
	}
	if err := t.check(); err != nil {
		return err
	}
	for i := range p.Experiments {
		e := &p.Experiments[i]
		if !slices.Contains(onlyIn["target"], e.Run) || e.Drive == driveRequests || len(e.EdgeCores) > 0 {
			return fmt.Errorf("plan %q: %s needs a local edge, and cannot be aimed at a target; the plan handshake can", p.Name, e.Run)
		}
		e.Target = t
	}
	return nil
}

// args are those of handshakes with the target.
func (t *Target) args(ca []byte, a arm, count int, timeout time.Duration) role.HandshakeArgs {
	host, _, _ := net.SplitHostPort(t.Address) // checked when the plan was read
	alpn := t.ALPN
	if len(alpn) == 0 {
		alpn = []string{defaultALPN}
	}
	return role.HandshakeArgs{
		Edge: t.Address, RootPEM: ca, Groups: a.offer.IDs(), Want: a.offer.Expected().ID, Initial: cmp.Or(a.Initial, tunnel.InitialPacketSize),
		Concurrency: max(a.Concurrency, 1), Count: count, Timeout: timeout,
		Target: &role.Target{ALPN: alpn, SNI: cmp.Or(t.SNI, host), Insecure: t.Insecure},
	}
}

// confine gives the edge so many cores, and the others to the rest. 0 confines nobody.
func confine(ctx context.Context, edgeCores int, edge, rest []*role.Proc) error {
	if edgeCores == 0 {
		return nil
	}
	at := role.CoresArgs{Count: edgeCores}
	others := role.CoresArgs{First: edgeCores, Count: runtime.NumCPU() - edgeCores} // checkLimits saw that some are left
	for _, procs := range []struct {
		list []*role.Proc
		role.CoresArgs
	}{{edge, at}, {rest, others}} {
		for _, p := range procs.list {
			if err := p.Call(ctx, "Cores", procs.CoresArgs, &role.None{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveWay lets what an open loop drives have the lower priority: where the generator shares its cores with it, units are sent
// when they are due, as a generator on another machine would send them, and the edge is what runs out of time.
func (r *runner) giveWay(ctx context.Context, a arm, driven ...*role.Proc) error {
	if a.Arrivals == "" || a.Arrivals == loopClosed { // nothing arrives
		return nil
	}
	if role.Crowded() {
		r.warn("the host was busy with something else when processes of an open loop were started: what the generator drives has no lower priority than it, and units may start later than on a quiet host")
		return nil
	}
	for _, p := range driven {
		if err := p.Call(ctx, "GiveWay", role.None{}, &role.None{}); err != nil {
			return err
		}
	}
	return nil
}

// generatorCores are how many cores the generator may use.
func generatorCores(edgeCores int) int { return max(processors()-edgeCores, 1) }

// processors are how many cores the run may use: those of the host, or what a container's quota or GOMAXPROCS leaves of them.
func processors() int { return min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) }
