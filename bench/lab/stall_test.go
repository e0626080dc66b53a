package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel/ca"
)

// A server may send three times what it got before it has heard again from the client (RFC 9000, Section 8.1). A chain
// of certificates that is longer than three datagrams costs a classical client, whose ClientHello is one datagram, a
// round trip more, and a hybrid one nothing: its ClientHello is two.
func TestAmplificationLimitStallsTheSmallClientHello(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for _, tc := range []struct {
		offer, cert string
		trips       time.Duration
	}{
		{"X25519", ca.ECDSAP256, 1},
		{"X25519", ca.RSAChain5, 2},
		{"X25519MLKEM768", ca.ECDSAP256, 1},
		{"X25519MLKEM768", ca.RSAChain5, 1},
	} {
		got := trials(t, Job{Cell: Cell{Offer: []string{tc.offer}, Cert: tc.cert, RTT: rtt}}, 1)[0]
		require.Empty(t, got.Class, got.Detail)
		assert.Equal(t, tc.trips*rtt, got.Handshake.Round(time.Microsecond), "%s, %s", tc.offer, tc.cert)
		assert.Equal(t, tc.trips > 1, got.Stalled, "%s, %s", tc.offer, tc.cert)
		assert.Equal(t, got.Handshake, got.Explanation.Sum())
	}
}
