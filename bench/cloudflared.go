package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/tunnel"
	"pqbench/tunnel/cloudflared"
)

// cloudflaredOffers refuses an offer that a real cloudflared does not make, or that cannot be had here. Version
// 2026.8.2 offers X25519MLKEM768, with P-256 behind it unless --post-quantum is given, and computes it with Go's own code.
func cloudflaredOffers(o Offer, p kex.Provider) error {
	if _, err := cloudflared.Path(); err != nil {
		return fmt.Errorf("a real cloudflared: %w", err)
	}
	prefer := len(o) == 2 && o[1].ID == tls.CurveP256
	if p != kex.Go || o[0].ID != tls.X25519MLKEM768 || len(o) > 1 && !prefer {
		return fmt.Errorf("cloudflared offers X25519MLKEM768, alone or with P-256, and computes it with Go's own code: not %s by %s", o.Label(), p)
	}
	return nil
}

// RunsCloudflared says whether the plan has an arm that a real cloudflared carries.
func (p *Plan) RunsCloudflared() bool {
	for i := range p.Experiments {
		arms, _ := p.Experiments[i].arms()
		for _, a := range arms {
			if a.Stack == string(realCloudflared) {
				return true
			}
		}
	}
	return false
}

// fleet is the real cloudflareds of an arm: one process holds one tunnel.
type fleet []*cloudflared.Process

// startFleet starts a cloudflared for each tunnel and waits until all their connections are registered.
func startFleet(ctx context.Context, creds []tunnel.Credentials, cfg cloudflared.Config) (fleet, error) {
	path, err := cloudflared.Path()
	if err != nil {
		return nil, err
	}
	var f fleet
	for _, c := range creds {
		cfg.Path, cfg.Credentials = path, c
		p, err := cloudflared.Start(cfg)
		if err != nil {
			f.stop()
			return nil, err
		}
		f = append(f, p)
	}
	ctx, cancel := context.WithTimeout(ctx, setUp)
	defer cancel()
	for _, p := range f {
		if err := p.Ready(ctx, cfg.Connections); err != nil {
			f.stop()
			return nil, err
		}
	}
	return f, nil
}

// farewell is how long a cloudflared may take to unregister and end.
const farewell = 5 * time.Second

// stop ends them all, side by side; what went wrong is the first of their errors.
func (f fleet) stop() (err error) {
	for _, p := range f {
		p.Terminate()
	}
	for _, p := range f {
		if stopped := p.Stop(farewell); err == nil {
			err = stopped
		}
	}
	return err
}

// usage is what they have consumed so far, read from the operating system.
func (f fleet) usage() (u role.Usage, err error) {
	for _, p := range f {
		cpu, err := role.CPUOf(p.PID())
		if err != nil {
			return u, err
		}
		u.CPU += cpu
	}
	return u, nil
}

// memory is what they hold together.
func (f fleet) memory() (sum role.Memory, err error) {
	for _, p := range f {
		m, err := role.MemoryOf(p.PID())
		if err != nil {
			return sum, err
		}
		sum = sum.Add(m)
	}
	return sum, nil
}

// slots are the edge's address, once for each connection and as often again: a cloudflared that has no spare slot
// repeats a failed dial without a wait.
func slots(edge string, connections int) []string {
	list := make([]string, 2*connections)
	for i := range list {
		list[i] = edge
	}
	return list
}

// cloudflaredVersion is what the real one calls itself, for the manifest.
func cloudflaredVersion() string {
	path, err := cloudflared.Path()
	if err != nil {
		return "none"
	}
	version, err := cloudflared.Version(path)
	if err != nil {
		return "unknown"
	}
	return version
}
