// Package link is a virtual network between two endpoints: delay, rate, queue, loss, jitter, reordering, an MTU and
// middleboxes, on the clock of the goroutines that use it. In a testing/synctest bubble that clock is fake, so real
// quic-go and real TLS cross an ocean in no time, and the same seed gives the same nanoseconds on every machine.
//
// The flow, in five steps:
//
//  1. A [Path] says what lies between a client and a server, each way; a [Schedule] which trial this is.
//  2. [Connect] makes the two sockets. No goroutine comes with them: what becomes of a datagram is computed when it is
//     sent, and the reader of the other socket waits for the instant at which it arrives.
//  3. A datagram from the client passes the middleboxes, which stand at the client's end, then the MTU, the queue and
//     the rate, and then it may be lost; what is left arrives after the delay. A datagram from the server goes the
//     same way and meets the middleboxes last.
//  4. The [Record] keeps every datagram, what became of it and when.
//  5. Closing both sockets ends everything.
//
// # Sizes
//
// The MTU and Event.Size count UDP payload. A rate and a queue also count the [Headers] of IPv4 and UDP, as a
// real link does.
//
// # What it does not carry
//
// The sockets are plain net.PacketConns: quic-go uses neither ECN, nor GSO, nor path MTU discovery on them. On a path with
// [Path.ECN], or with a middlebox that acts on ECN, they are quic.OOBCapablePacketConns instead: datagrams carry marks.
// quic-go then gives them several datagrams at a time (GSO), which leave one by one, and searches for the path's MTU
// unless its configuration forbids that (quic.Config.DisablePathMTUDiscovery).
//
// # Exact, and the same in every run
//
// Two things that happen at the same virtual instant happen in an order that the Go scheduler chooses, and synctest
// shuffles timers of the same instant on purpose. On a path of constant delay such ties are the rule, not the exception:
//
//   - The two datagrams of a client's first flight leave at one instant. Were they to arrive at one instant, it would be chance
//     whether the server acknowledges the first before it reads the second: a client's hybrid handshake would have
//     three datagrams or four.
//   - An end that answers at once starts its probe timer when the peer's datagram arrives; the peer started its own when it sent
//     it. Both wait 200 ms, so the peer's probe would arrive in the nanosecond in which the end's own timer
//     expires, and the end would send a datagram more or not. That happens whatever the delay is, in every tenth
//     handshake under heavy loss.
//   - At a round trip of 200 ms the ServerHello would arrive as the client's first probe timeout expires.
//
// So the n-th datagram of a direction takes n+1 nanoseconds more than its delay ([Spacing]), up to a microsecond
// ([MaxSkew]). No two datagrams arrive at the same instant, an end is done with one before the next is there, and what
// follows the path of something earlier is later by a nanosecond at least, in both directions: it never meets a timer that the
// earlier one started. An X25519 handshake over a round trip of 100 ms takes 100.000002 ms, and the
// client's datagrams until its Finished are two; those of X25519MLKEM768 are always four.
//
// What is lost, and when, depends on (seed, trial, direction, number of the datagram) alone, whatever the sizes: all groups
// of a trial meet the same losses.
//
// Two things this package cannot decide:
//
//   - With a finite rate a byte is time, and quic-go and TLS draw sizes: a transport parameter of 0 to 15 bytes (GREASE), ECDSA
//     signatures of 70 to 72, also in certificates. Pin the process's randomness where that matters
//     (testing/cryptotest.SetGlobalRandom, before the certificates are made and again before each trial).
//   - The order of goroutines within one end at one instant: whether a request that is written the moment the
//     handshake completes leaves in the datagram with the Finished or in one of its own is the scheduler's choice. A
//     nanosecond of sleep before such a write decides it.
package link
