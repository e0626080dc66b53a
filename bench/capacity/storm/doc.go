// Package storm simulates what happens when an edge comes back: a fleet of connectors, each with several connections,
// that reconnects by the connector's own law, and an edge whose cores have a handshake's CPU time to spend on each.
//
// It is a discrete-event simulation with a clock of its own: no goroutine, no real time, no source of randomness but
// its seed. The same Config gives the same Result on every machine. The law is not written down a second time: its
// constants are those of package connector and package tunnel.
//
//  1. At time 0 the edge is lost. A connection notices when its idle time-out has run out (or at once, when it was told).
//  2. It waits by its own law; all but connection 0 then wait with the tunnel's others.
//  3. It dials. The first flight reaches the edge, at the first try or by a probe time-out; or nobody answers.
//  4. The edge takes it, refuses it, or asks for another round trip. Taken, it queues for a core, first come first served.
//  5. The client answers, and its registration queues again, behind the handshakes that came meanwhile: an edge with more
//     to do than cores completes handshakes long before it registers the first of them.
//  6. It is registered when edge and path have had their time, or has given up before that: then the edge's work was in
//     vain, and the connection goes on with 2.
package storm
