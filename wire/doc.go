// Package wire keeps the ledger of a QUIC handshake: what it put on the wire, counted from its datagrams.
//
// The flow, in four steps:
//
//  1. A [Tap] around the client's socket records every datagram, in the order in which the client sent and
//     received them.
//  2. [Read] splits the datagrams into QUIC packets (RFC 9000 sections 12.2 and 17) and opens them: Initials
//     with the keys everybody can derive (RFC 9001 section 5.2), Handshake and 1-RTT packets with the secrets
//     of the connection's key log (tls.Config.KeyLogWriter).
//  3. It puts the CRYPTO streams together again and reads the sizes of the TLS messages.
//  4. It adds up datagrams, bytes, padding, acknowledgements and repeats until the handshake is complete at the
//     client (RFC 9001 section 4.1.1), and again until it is confirmed (section 4.1.2).
//
// The reader shares no code with the QUIC stack it audits, so the two can disagree.
//
// # What one end can not tell
//
// The tap stands at the client. It sees every datagram the client sent, lost or not, but only those of the
// server's that arrived. A server datagram that was lost shows as a gap in the packet numbers if a later Initial or
// Handshake packet arrived, and not at all if it was the last; a client packet counts as lost
// when the server acknowledged a later one and never that one. Server probes can only be seen when the original
// arrived too.
//
// # What varies
//
// quic-go puts a reserved ("GREASE", RFC 9000 section 18.1) transport parameter with a random identifier and 0
// to 15 random bytes into every ClientHello: 2 to 18 bytes in all, so Ledger.ClientHelloBytes varies by 16
// between handshakes of the same configuration. Ledger.ClientHelloGreaseBytes is that parameter's size, and the
// difference of the two is exact. On the UDP level padding hides it. Server bytes vary by the length of ECDSA
// signatures and by its own GREASE parameter.
//
// Where a flight has two datagrams, an end that reads the first before the second has arrived acknowledges it at once:
// one more datagram, at a client a padded Initial, while the one with its Finished then needs no padding and shrinks from
// 1280 to about 181 bytes. So a hybrid handshake costs the client three datagrams or four. Datagrams that arrive one after
// the other, as on a path of finite rate, make it four; those that arrive at the same instant, or on loopback, make it a
// race that the scheduler decides. Ledger.ClientAckOnlyDatagrams and Ledger.ServerAckOnlyDatagrams tell which it was.
package wire
