package wire

import (
	"crypto/tls"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "unsafe" // for linkname

	"github.com/stretchr/testify/require"
)

const initialSize = 1280 // quic-go's default

var (
	classical = []tls.CurveID{tls.X25519}
	hybrid    = []tls.CurveID{tls.X25519MLKEM768}
)

// lose drops the nth datagram (from 0) in a direction.
func lose(dir Direction, nth int) func(Direction, int) bool {
	return func(d Direction, n int) bool { return d == dir && n == nth }
}

// exact leaves out what differs between two handshakes of one configuration, GREASE and signatures (see the package
// comment), and the sums they are part of, which checkSums checks.
func exact(l Ledger) Ledger {
	l.ClientHelloBytes -= l.ClientHelloGreaseBytes
	if l.SecondClientHelloBytes > 0 {
		l.SecondClientHelloBytes -= l.ClientHelloGreaseBytes
	}
	for _, n := range []*int{
		&l.ClientHelloGreaseBytes, &l.EncryptedExtensionsBytes, &l.CertificateBytes, &l.CertificateVerifyBytes,
		&l.ClientPaddingBytes, &l.ServerPaddingBytes, &l.ClientCryptoBytes, &l.ServerCryptoBytes,
		&l.ServerFlightBytes, &l.ServerBytes, &l.ConfirmedServerBytes, &l.HeaderBytes4, &l.HeaderBytes6,
	} {
		*n = 0
	}
	return l
}

// checkSums holds a ledger of a completed handshake against what can be counted without opening a packet. The trial
// ran in virtual time, so the client's Finished left at the very instant at which Dial returned.
func checkSums(t *testing.T, l Ledger, out outcome) {
	t.Helper()
	var datagrams, sizes [2]int
	for _, d := range out.datagrams {
		if d.At <= out.took {
			datagrams[d.Dir]++
			sizes[d.Dir] += len(d.Payload)
		}
	}
	require.Equal(t, datagrams, [2]int{l.ClientDatagrams, l.ServerDatagrams}, "datagrams until the client was done")
	require.Equal(t, sizes, [2]int{l.ClientBytes, l.ServerBytes}, "their bytes")
	require.Equal(t, 28*(datagrams[0]+datagrams[1]), l.HeaderBytes4)
	require.Equal(t, 48*(datagrams[0]+datagrams[1]), l.HeaderBytes6)
	const finished = 36 // of a suite with SHA-256
	require.Equal(t, finished, l.ServerFinishedBytes)
	require.Equal(t, l.ServerCryptoBytes-l.ServerRepeatedCryptoBytes, l.HelloRetryRequestBytes+l.ServerHelloBytes+
		l.EncryptedExtensionsBytes+l.CertificateBytes+l.CertificateVerifyBytes+l.ServerFinishedBytes)
	require.Equal(t, l.ClientCryptoBytes-l.ClientRepeatedCryptoBytes,
		(1+l.Retries)*l.ClientHelloBytes+l.SecondClientHelloBytes+finished)
	require.InDelta(t, len(leaf().Certificate[0]), l.CertificateBytes, 16, "the leaf and the message around it")
	require.GreaterOrEqual(t, l.ClientHelloGreaseBytes, 2)
	require.LessOrEqual(t, l.ClientHelloGreaseBytes, 2+1+15)
	require.LessOrEqual(t, l.ClientPaddingBytes+l.ClientCryptoBytes, l.ClientBytes)
	require.LessOrEqual(t, l.ServerPaddingBytes+l.ServerCryptoBytes, l.ServerBytes)
}

func TestRead(t *testing.T) {
	base := Ledger{
		Complete: true, Confirmed: true, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
		Group: tls.X25519, ClientHelloBytes: 287, ServerHelloBytes: 90, ClientShareBytes: 32, ServerShareBytes: 32, ServerFinishedBytes: 36,
		ClientInitialDatagrams: 1, ServerFlightDatagrams: 1,
	}
	// The hybrid's shares are 1184 and 1088 bytes bigger. Each end acknowledges the first datagram of the other before
	// it reads the second.
	pq := base
	pq.Group, pq.ClientHelloBytes, pq.ServerHelloBytes = tls.X25519MLKEM768, 287+1184, 90+1088
	pq.ClientShareBytes, pq.ServerShareBytes = 1216, 1120
	pq.ClientInitialDatagrams, pq.ServerFlightDatagrams = 2, 2
	pq.ClientAckOnlyDatagrams, pq.ServerAckOnlyDatagrams = 1, 1

	// with changes the ledger l and fills in its traffic: datagrams until completion, of the server's until
	// confirmation, and the client's bytes. None of the client's datagrams falls between the two.
	with := func(l Ledger, client, server, confirmed, bytes int, change func(*Ledger)) Ledger {
		l.ClientDatagrams, l.ServerDatagrams, l.ClientBytes = client, server, bytes
		l.ConfirmedClientDatagrams, l.ConfirmedServerDatagrams, l.ConfirmedClientBytes = client, confirmed, bytes
		change(&l)
		return l
	}
	asIs := func(*Ledger) {}
	// finished is the datagram with the client's Finished when no Initial in it asks for padding.
	const finished = 181
	tests := []struct {
		name  string
		trial trial
		want  Ledger
		took  time.Duration
	}{
		{"x25519", trial{client: classical}, with(base, 2, 1, 2, 2*initialSize, asIs), rtt},
		{"hybrid", trial{client: hybrid}, with(pq, 4, 3, 4, 3*initialSize+finished, asIs), rtt + 2*gap},
		{
			"both shares", trial{client: []tls.CurveID{tls.X25519MLKEM768, tls.X25519}},
			with(pq, 4, 3, 4, 3*initialSize+finished, func(l *Ledger) {
				l.ClientHelloBytes += 2 + 4 + 32 // the second group's codepoint, and its share with its header
				l.ClientShareBytes += 32
			}), rtt + 2*gap,
		},
		{
			"hello retry request", trial{client: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, server: []tls.CurveID{tls.CurveP256}},
			with(pq, 4, 3, 4, 4*initialSize, func(l *Ledger) {
				l.Group, l.HelloRetryRequests = tls.CurveP256, 1
				l.ClientHelloBytes += 2
				l.SecondClientHelloBytes = l.ClientHelloBytes - 1216 + 65
				l.HelloRetryRequestBytes, l.ServerHelloBytes, l.ServerShareBytes = 56, 90+65-32, 65
				l.ServerFlightDatagrams, l.ClientAckOnlyDatagrams = 1, 0
			}), 2*rtt + gap,
		},
		{
			"retry", trial{client: classical, retry: true},
			with(base, 3, 2, 3, 3*initialSize, func(l *Ledger) { l.Retries = 1 }), 2 * rtt,
		},
		{
			// The server answers each of the two Initials with a Retry; the client obeys one.
			"retry of a hybrid", trial{client: hybrid, retry: true},
			with(pq, 6, 5, 6, 5*initialSize+finished, func(l *Ledger) { l.Retries = 1 }), 2*rtt + 2*gap,
		},
		{
			// The initial PTO is 200 ms, and quic-go sends two probes.
			"only Initial lost", trial{client: classical, drop: lose(ClientToServer, 0)},
			with(base, 4, 1, 3, 4*initialSize, func(l *Ledger) { l.PTOs, l.ConfirmedPTOs, l.LostClientPackets = 1, 1, 1 }),
			200*time.Millisecond + rtt,
		},
		{
			// The second is acknowledged, so the first is declared lost after 9/8 RTT: no probe.
			"first of two Initials lost", trial{client: hybrid, drop: lose(ClientToServer, 0)},
			with(pq, 5, 3, 4, 4*initialSize+finished, func(l *Ledger) { l.LostClientPackets = 1 }), rtt*9/8 + rtt + gap,
		},
		{
			// One RTT sample: the PTO is three times it (RFC 9002 section 6.2.1).
			"second of two Initials lost", trial{client: hybrid, drop: lose(ClientToServer, 1)},
			with(pq, 6, 3, 5, 5*initialSize+finished, func(l *Ledger) { l.PTOs, l.ConfirmedPTOs, l.LostClientPackets = 1, 1, 1 }),
			3*rtt + rtt + gap,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := test.trial.run(t)
			require.NoError(t, out.err)
			got, err := Read(out.datagrams, out.keylog)
			require.NoError(t, err)
			checkSums(t, got, out)
			want := test.want
			got = exact(got)
			if got.ClientRepeatedCryptoBytes > 0 { // repeats of the ClientHello, which varies
				require.Positive(t, want.LostClientPackets, "a repeat without a loss")
				got.ClientRepeatedCryptoBytes = 0
			}
			require.Equal(t, want, got)
			require.Equal(t, test.took, out.took)
		})
	}
}

func TestReadServerLoss(t *testing.T) {
	tests := []struct {
		name    string
		nth     int
		packets int // in the lost datagram
		ptos    int
		took    time.Duration
	}{
		{"ACK", 0, 1, 0, rtt + 2*gap},
		{"ServerHello", 1, 1, 1, 3*rtt + gap},         // the server's probe arrives when the client's leaves
		{"Handshake and 1-RTT", 2, 2, 1, 4*rtt + gap}, // the client's is a PING: it has nothing to repeat
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := trial{client: hybrid, drop: lose(ServerToClient, test.nth)}.run(t)
			require.NoError(t, out.err)
			l, err := Read(out.datagrams, out.keylog)
			require.NoError(t, err)
			checkSums(t, l, out)
			require.Equal(t, test.packets, l.LostServerPackets)
			require.Zero(t, l.LostClientPackets)
			require.Equal(t, 2, l.ServerFlightDatagrams)
			require.Equal(t, test.ptos, l.PTOs)
			require.Equal(t, test.took, out.took)
		})
	}
}

// TestReadUnderSeededLoss holds the counts against the clock for whatever 15 % loss does to a handshake.
func TestReadUnderSeededLoss(t *testing.T) {
	var ptos, lostByClient, lostByServer int
	for seed := range uint64(30) {
		drop := func(dir Direction, n int) bool {
			return rand.New(rand.NewPCG(seed, uint64(n)<<1|uint64(dir))).Float64() < 0.15
		}
		out := trial{client: [][]tls.CurveID{classical, hybrid}[seed%2], drop: drop, retry: seed%5 == 0}.run(t)
		if out.err != nil {
			continue
		}
		l, err := Read(out.datagrams, out.keylog)
		require.NoError(t, err, "seed %d", seed)
		require.True(t, l.Complete, "seed %d", seed) // confirmation may be lost, and the trial over before it is repeated
		require.Zero(t, l.Undecrypted, "seed %d", seed)
		require.Equal(t, int(seed%2)+1, l.ClientInitialDatagrams, "seed %d", seed)
		checkSums(t, l, out)
		ptos, lostByClient, lostByServer = ptos+l.PTOs, lostByClient+l.LostClientPackets, lostByServer+l.LostServerPackets
	}
	require.Positive(t, ptos)
	require.Positive(t, lostByClient)
	require.Positive(t, lostByServer)
}

// The suites of TLS 1.3 can not be configured. These variables are the ones crypto/tls leaves open to linkname.
//
//go:linkname defaultCipherSuitesTLS13 crypto/tls.defaultCipherSuitesTLS13
var defaultCipherSuitesTLS13 []uint16

//go:linkname defaultCipherSuitesTLS13NoAES crypto/tls.defaultCipherSuitesTLS13NoAES
var defaultCipherSuitesTLS13NoAES []uint16

func TestReadEveryCipherSuite(t *testing.T) {
	aes, noAES := defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES
	t.Cleanup(func() { defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES = aes, noAES })
	for suite, finished := range map[uint16]int{
		tls.TLS_AES_128_GCM_SHA256:       4 + 32,
		tls.TLS_AES_256_GCM_SHA384:       4 + 48,
		tls.TLS_CHACHA20_POLY1305_SHA256: 4 + 32,
	} {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			defaultCipherSuitesTLS13, defaultCipherSuitesTLS13NoAES = []uint16{suite}, []uint16{suite}
			out := trial{client: classical}.run(t)
			require.NoError(t, out.err)
			l, err := Read(out.datagrams, out.keylog)
			require.NoError(t, err)
			require.Equal(t, suite, l.CipherSuite)
			require.True(t, l.Complete && l.Confirmed)
			require.Equal(t, finished, l.ServerFinishedBytes)
			require.Zero(t, l.Undecrypted)
		})
	}
}

func TestReadWithoutItsKeyLog(t *testing.T) {
	out, other := trial{client: hybrid}.run(t), trial{client: hybrid}.run(t)
	full, err := Read(out.datagrams, out.keylog)
	require.NoError(t, err)

	l, err := Read(out.datagrams, nil)
	require.NoError(t, err, "the Initials tell something")
	require.False(t, l.Complete || l.Confirmed)
	require.Equal(t, full.ClientHelloBytes, l.ClientHelloBytes)
	require.Equal(t, full.Group, l.Group)
	require.Equal(t, 2, l.ClientInitialDatagrams)
	require.Zero(t, l.CertificateBytes)
	require.Zero(t, l.LostServerPackets, "closed packets are not lost ones")
	require.Positive(t, l.Undecrypted)

	_, err = Read(out.datagrams, other.keylog)
	require.ErrorIs(t, err, ErrForeignKeyLog)

	l, err = Read(out.datagrams, slices.Concat([]byte("# comment\nnot a line\n\n"), other.keylog, out.keylog))
	require.NoError(t, err)
	require.Equal(t, full, l, "lines of others do no harm")
}

func TestReadNothing(t *testing.T) {
	out := trial{client: hybrid}.run(t)
	for name, datagrams := range map[string][]Datagram{
		"no datagram":              nil,
		"half a ClientHello":       out.datagrams[:1],
		"started after Initials":   out.datagrams[3:],
		"not QUIC":                 {{Payload: []byte("hello")}, {Payload: nil}},
		"version 2":                {{Payload: []byte{0xd0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 0, 0}}},
		"directions the other way": {{Dir: ServerToClient, Payload: out.datagrams[0].Payload}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Read(datagrams, out.keylog)
			require.ErrorIs(t, err, ErrNoClientHello)
			require.Equal(t, Ledger{}, l)
		})
	}
}

// TestReadDead reads a handshake that nobody answered.
func TestReadDead(t *testing.T) {
	out := trial{client: classical, drop: func(d Direction, _ int) bool { return d == ClientToServer }}.run(t)
	require.Error(t, out.err)
	l, err := Read(out.datagrams, out.keylog)
	require.NoError(t, err)
	require.False(t, l.Complete)
	require.Equal(t, len(out.datagrams), l.ClientDatagrams)
	require.Equal(t, 1, l.ClientInitialDatagrams)
	require.Greater(t, l.PTOs, 2, "5 s hold probes after 200, 600, 1400 and 3000 ms")
	require.Zero(t, l.Group)
}
