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
// # Exact, and the same in every run
//
// Two things that happen at the same virtual instant happen in an order that the Go scheduler chooses, and synctest
// shuffles timers of the same instant on purpose. So no two datagrams leave or arrive at the same instant: each takes
// at least one nanosecond ([Spacing]) on the link, also when its rate is infinite, and an end is done with one before
// the next arrives. It follows that a datagram on an otherwise idle link without a rate arrives after the delay and one
// nanosecond, and one in a burst of k after k nanoseconds. Without the spacing a client's hybrid handshake has
// three datagrams or four, by chance; with it there are always four, since the server reads the first of two Initials
// before the second is there, and acknowledges it. The nanosecond also keeps answers off the round numbers that timers
// expire at: at a round trip of 200 ms the ServerHello would arrive at the very instant of the first probe timeout.
//
// What is lost, and when, depends on (seed, trial, direction, number of the datagram) alone, whatever the sizes: all groups
// of a trial meet the same losses until the first of them sends a datagram more.
//
// What stays open is the order of goroutines within one end at one instant: whether a request that is written the
// moment the handshake completes leaves in the datagram with the Finished or in one of its own is the scheduler's choice.
// One nanosecond of sleep before such a write decides it.
package link
