package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"pqbench/daemon"
)

type edgeCommand struct {
	Issue           string        `placeholder:"DIR" help:"Make a tunnel, put what its connector needs into this folder, and end."`
	Colo            []string      `placeholder:"AMS,FRA" help:"Names of the data centers in this process; default one, called local."`
	Listen          []string      `placeholder:"HOST:PORT" help:"Where connectors dial (UDP): one for each data center, or the first one's; the others follow port by port. Default 127.0.0.1:7844."`
	Eyeball         []string      `placeholder:"HOST:PORT" help:"Where requests arrive over HTTPS, in the same way. Default 127.0.0.1:8443."`
	RelayListen     []string      `placeholder:"HOST:PORT" help:"Where the data centers reach each other (UDP), in the same way; default loopback, any port."`
	Peer            []string      `placeholder:"NAME=HOST:PORT" help:"A data center of another process, at its --relay-listen; repeatable. They share the folder relay of the state."`
	Accept          string        `placeholder:"all" help:"Named groups to agree to: all, pq, classical, or a list of groups."`
	Provider        string        `placeholder:"NAME" help:"Who computes the KEMs; default circl-asm in a build that has the Draft00 groups, go in others."`
	RetryAbove      int           `placeholder:"N" help:"Half-open handshakes above which addresses must prove themselves by a Retry; -1 is never."`
	Hostname        []string      `placeholder:"NAME=TUNNEL-ID" help:"Lead a host name to a tunnel; repeatable. With --issue NAME alone leads to the new one, for good."`
	Cert            string        `placeholder:"ecdsa-p256" help:"Kind of certificate that the edge makes for itself: ecdsa-p256, rsa-2048, ed25519, chain3."`
	TLSCert         string        `name:"tls-cert" placeholder:"PEM" help:"Present this certificate instead."`
	TLSKey          string        `name:"tls-key" placeholder:"PEM" help:"Its key."`
	State           string        `placeholder:"DIR" help:"Folder with the edge's certificates and tunnels; default ~/.local/state/pqbench/edge."`
	CollectorListen string        `placeholder:"HOST:PORT" help:"Collect failure reports of connectors here (POST, and GET for the counts)."`
	Metrics         string        `env:"PQBENCH_EDGE_METRICS" placeholder:"HOST:PORT" help:"Where to serve /metrics and /healthcheck; default the first free of 127.0.0.1:20251 to 20255, or any port."`
	Pprof           bool          `help:"Serve /debug/pprof there, too."`
	GracePeriod     time.Duration `default:"30s" help:"How long requests in flight may take after a signal."`
	logFlags
}

// Help is printed below the flags.
func (edgeCommand) Help() string {
	return `Examples:
  pqbench edge --issue demo                      a tunnel, and demo/config.yml for its connector
  pqbench edge                                   one data center, on this host alone
  pqbench edge --colo AMS,FRA --accept pq        two in one process, for hybrid groups alone
  pqbench edge --listen :7844 --eyeball :443     for other hosts, too`
}

func (c *edgeCommand) Run(ctx context.Context, o out) error {
	hostnames := map[string]string{}
	for _, h := range c.Hostname {
		name, id, _ := strings.Cut(h, "=")
		hostnames[name] = id
	}
	s := daemon.EdgeSettings{
		Colos: c.Colo, Listen: c.Listen, Eyeball: c.Eyeball, RelayListen: c.RelayListen, Peers: c.Peer, Accept: c.Accept, Provider: c.Provider, Cert: c.Cert,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, State: c.State, Hostnames: hostnames, CollectorListen: c.CollectorListen,
		Metrics: c.Metrics, Pprof: c.Pprof, RetryAbove: c.RetryAbove, GracePeriod: c.GracePeriod,
	}
	if c.Issue != "" {
		return c.issue(s, o)
	}
	return c.logging(o, func(log *slog.Logger) error { return daemon.RunEdge(ctx, s, log) })
}

func (c *edgeCommand) issue(s daemon.EdgeSettings, o out) error {
	issue, creds, err := daemon.IssueTunnel(c.Issue, s)
	if err != nil {
		return err
	}
	issue.Explain(o.stdout, creds)
	return nil
}
