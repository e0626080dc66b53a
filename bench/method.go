package bench

import (
	"fmt"
	"time"
)

// method says in a few sentences what an experiment does, for the report.
func (e *Experiment) method() string {
	switch e.Run {
	case "kex":
		return fmt.Sprintf("Key agreement alone, no network: each operation repeated for about %v in a process of its KEM provider. "+
			"client and server are the whole group's two sides, ECDH and KEM, parsing of the peer's share included.", time.Duration(e.Time))
	case "handshake":
		if e.Target != nil {
			return e.targetMethod()
		}
		return fmt.Sprintf("A connector's dial and an immediate close, without registration: %d handshakes for each arm and block, closed loop, "+
			"the given number in flight, each from its own UDP socket over loopback. Handshake time runs from the call that dials (making the key share is in it) "+
			"until the handshake is complete at the client. CPU is getrusage of each process over the block, divided by its handshakes. "+
			"Client means connector and server means edge: the connector sends the ClientHello. Processes are new every %d blocks, after %d handshakes of warm-up for each arm.",
			e.Count, e.Fresh, e.Warmup)
	case "overhead":
		return fmt.Sprintf("The handshake experiment with pqbench's edge and dialer against a bare loop of quic-go's accept and dial, which keeps no samples, in the same processes and with the "+
			"same TLS and QUIC configuration, %d handshakes for each arm and block.", e.Count)
	case "wire":
		return "One handshake for each arm and block through a tap on the client's socket; its ledger is read from the datagrams themselves, " +
			"decrypted with the connection's own key log. A tapped socket has no segmentation offload: right for bytes, not for time. " +
			"UDP payload is counted through the client datagram that carries Finished."
	case "requests":
		return fmt.Sprintf("%d tunnels of each arm with %d connections each, all connected at once to one edge; visitors (HTTPS over TCP, keep-alive) ask for %d bytes "+
			"over the tunnels of one arm at a time, closed loop, %v for each arm and block. CPU of edge and connector divided by the requests; "+
			"the edge's share includes the visitors' TLS, the same for all arms.",
			e.Tunnels, e.Conns, int64(e.Body), time.Duration(e.Time))
	case "policy":
		return fmt.Sprintf("What the connector insists on (strict: the hybrid alone; prefer: P-256 behind it, without a key share; classical: P-256 alone) against what the edge accepts, "+
			"with a session ticket or without: %d attempts for each arm and block one at a time, and one more behind a tap for bytes and datagrams, counted until the handshake is complete or refused. "+
			"Round trips are one, and one for every HelloRetryRequest and Retry seen. The ticket comes from an edge with the same ticket key that accepts all.", e.Count)
	case "idle":
		return fmt.Sprintf("%d tunnels with %d connections each are connected, warmed up with a few requests, and then held for %v without any; processes of their own for each arm and block. "+
			"Memory is the proportional set size at the end (a page that several processes share is divided among them; RSS charges it to each), of the connector's processes together: one of ours, one real cloudflared for each tunnel. "+
			"CPU is what keep-alives and timers cost.", e.Tunnels, e.Conns, time.Duration(e.Time))
	case "rate":
		return e.rateMethod()
	case "fleet":
		return e.fleetMethod()
	case "storm":
		return e.stormMethod()
	case "knee":
		return e.kneeMethod()
	case "goodput":
		return fmt.Sprintf("%d MiB down (GET) and up (POST) for each arm and block through %d tunnels of each arm. Goodput is body bits by time; "+
			"CPU is that of edge and connector together for 10⁹ body bytes, the edge's TLS towards the visitor included.", int64(e.Size)>>20, e.Tunnels)
	}
	return ""
}

func (e *Experiment) rateMethod() string {
	what, where := "A connector's dial and an immediate close", "to a local edge"
	if e.Drive == driveRequests {
		what, where = fmt.Sprintf("A request for %d bytes", int64(e.Body)), fmt.Sprintf("over %d tunnels of each arm with %d connections each", e.Tunnels, e.Conns)
	}
	if e.Target != nil {
		what, where = "A QUIC handshake and an immediate close", "with "+e.Target.Address
	}
	if e.Loop == loopClosed {
		return fmt.Sprintf("Closed loop: %s %s, the next one when the last has ended, %v for each arm and block. It tells how fast it can go; its latency is that of so many in flight, "+
			"and a stall delays what would have met it.", what, where, time.Duration(e.Time))
	}
	return fmt.Sprintf("Open loop: %s %s, at instants that are drawn from the seed before the clock starts, the same for all arms of a block. Latency runs from the intended instant, "+
		"so that a stall shows in every unit that meets it; lateness is what the generator was late in sending. %d may be in flight, and one on top is dropped and counts as a failure. %s",
		what, where, e.InFlight, e.giving())
}

// giving is what the processes of an open loop do for a punctual generator, see giveWay.
func (e *Experiment) giving() string {
	driven, spares := "The edge has", "collects its garbage seldom, and verifies each chain of certificates once"
	switch {
	case e.Target != nil:
		return "The generator " + spares + "."
	case e.Drive == driveRequests:
		driven, spares = "Edge, connector and origin have", "collects its garbage seldom"
	}
	return driven + " a lower priority than the generator (SCHED_IDLE on Linux; none where the host was busy at their start), which " + spares + ": where it shares their cores, it is to be as punctual as one that has a machine to itself."
}

func (e *Experiment) kneeMethod() string {
	return fmt.Sprintf("A search for the highest rate of %s whose 99th percentile of latency, from the intended instant, stays within %v and of which at least %g %% complete: doubled from %v, "+
		"then bisected to %g %%, then verified by two passes of at least %v each, in which a fifth of that would show; outside of the verification a failure must be seen twice. Each probe offers %s load for %v or for as long as %d units take. "+
		"Latency is then measured again at 90, 50 and 10 %% of the knee, for as long as a pass of the verification, and the rate that failed above it is tried at an edge that does the least possible: where that one fails as well, the generator is the limit. %s",
		e.Drive, time.Duration(e.MaxP99), 100*e.MinCompleted, e.From, 100*e.Precision, e.verifying(), e.Arrivals, time.Duration(e.Time), enough, e.giving())
}

func (e *Experiment) targetMethod() string {
	return fmt.Sprintf("QUIC handshakes with %s and an immediate close: %d for each arm and block, closed loop, the given number in flight, each from its own UDP socket. "+
		"Handshake time runs from the call that dials until the handshake is complete at the client, and holds the network in between. What the server spends is not known here.",
		e.Target.Address, e.Count)
}
