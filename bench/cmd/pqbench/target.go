package main

import (
	"errors"

	"pqbench/bench"
)

// targetFlags name a QUIC server of the user's own, in place of a local edge.
type targetFlags struct {
	Target   string   `placeholder:"HOST:PORT" help:"A QUIC server of your own, in place of a local edge."`
	ALPN     []string `name:"alpn" help:"Application protocols to offer it; default h3."`
	SNI      string   `name:"sni" help:"Server name to ask it for; default its host."`
	Insecure bool     `help:"Do not check its certificate."`
	CA       string   `name:"ca" placeholder:"PEM" help:"Certificates to trust in place of the system's."`
}

// target is nil without one.
func (f *targetFlags) target() (*bench.Target, error) {
	if f.Target != "" {
		return &bench.Target{Address: f.Target, ALPN: f.ALPN, SNI: f.SNI, Insecure: f.Insecure, CA: f.CA}, nil
	}
	if len(f.ALPN) > 0 || f.SNI != "" || f.Insecure || f.CA != "" {
		return nil, errors.New("--alpn, --sni, --insecure and --ca are about a --target")
	}
	return nil, nil
}
