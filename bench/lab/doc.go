// Package lab measures handshakes and first requests over any network path, in virtual time: real quic-go, real TLS,
// our own edge and connector, on a fake clock (testing/synctest) and over package link's virtual network. The same seed
// gives the same losses to every named group, so that differences are differences of the protocol, and thousands of
// handshakes take seconds.
//
// A lab number is network time only: arithmetic costs nothing in a bubble, unless a plan has the CPU time that another
// run measured (cost.go); then it is charged in three steps of each handshake, the server's on so many cores (computing.go).
//
//  1. A [Plan] names factors (groups, round trips, losses, profiles, middleboxes, policies); Cells multiplies them.
//  2. [Run] starts a worker process for each core (this program again, see [Serve]) and gives them batches of trials.
//  3. A worker runs each trial in a bubble of its own (trial.go): an edge, a connector, the path between them.
//  4. [Explain] walks back from the datagram that completed the handshake, and says what all of its time was spent on.
//  5. Samples and values are kept as in any other run; package results/report makes the tables and plots.
package lab
