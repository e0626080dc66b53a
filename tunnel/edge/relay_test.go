package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/internal/wire"
)

func relayTLS(authority *ca.CA, groups ...tls.CurveID) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, RootCAs: authority.Pool(), CurvePreferences: groups}
}

func relayCA(t *testing.T) *ca.CA {
	authority, err := ca.NewRelay()
	require.NoError(t, err)
	return authority
}

// meshed starts an edge that has peers.
func meshed(t *testing.T, id uuid.UUID, conf *tls.Config, peers ...Peer) (*Edge, net.Addr) {
	return meshedWith(t, id, nil, conf, peers...)
}

func meshedWith(t *testing.T, id uuid.UUID, log *slog.Logger, conf *tls.Config, peers ...Peer) (*Edge, net.Addr) {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	authority, err := ca.New("")
	require.NoError(t, err)
	e, err := Listen(Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}}, Addr: "127.0.0.1:0",
		Authorize: func(string, uuid.UUID) ([]byte, bool) { return secret, true },
		Routes:    map[string]uuid.UUID{"app": id},
		Relay:     &RelayConfig{TLS: conf, PacketConn: socket, Peers: peers},
		Logger:    log,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, e.Close(ctx))
	})
	return e, socket.LocalAddr()
}

// fakePeer is a data center whose test says what it does with a stream.
func fakePeer(t *testing.T, name string, conf *tls.Config, presence []byte, serve func(*quic.Stream)) Peer {
	l, err := quic.ListenAddr("127.0.0.1:0", asPeer(conf), &quic.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			qc, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = qc.CloseWithError(0, "") })
			if s, err := qc.OpenUniStream(); err == nil {
				_, _ = s.Write(presence)
			}
			go func() {
				for {
					s, err := qc.AcceptStream(context.Background())
					if err != nil {
						return
					}
					go serve(s)
				}
			}()
		}
	}()
	return Peer{Name: name, Addr: l.Addr()}
}

func up(e *Edge) func() bool {
	return func() bool {
		for _, p := range e.Peers() {
			if !p.Up || p.Tunnels == 0 {
				return false
			}
		}
		return true
	}
}

func announcing(id uuid.UUID) []byte { return append([]byte{presenceVersion}, record('+', id)...) }

// serveAsConnector answers a relayed stream as if the connector was right behind it.
func serveAsConnector(bodies chan<- string) func(*quic.Stream) {
	return func(s *quic.Stream) {
		var b [relayPreamble]byte
		_, err := io.ReadFull(s, b[:])
		if err != nil {
			return
		}
		if b[0] == optionAccept {
			_, _ = s.Write([]byte{relayAccepted})
		}
		head, err := wire.ReadHead(s, make([]byte, 4096), nil)
		if err != nil {
			return
		}
		rest, _ := io.ReadAll(s)
		bodies <- string(head.Rest) + string(rest)
		enc := wire.BeginResponse(nil, "", 1)
		enc.Add("", wire.KeyStatus, "200")
		response, _ := enc.Finish()
		_, _ = s.Write(response)
		_ = s.Close()
	}
}

// A tunnel that has left a data center is looked for in another one, and no
// origin sees the request twice.
func TestATunnelThatHasLeftIsLookedForElsewhere(t *testing.T) {
	id, relay := uuid.New(), relayCA(t)
	refused := make(chan struct{}, 64)
	bodies := make(chan string, 8)
	notHere := func(s *quic.Stream) {
		refused <- struct{}{}
		s.CancelRead(relayNotHere)
		s.CancelWrite(relayNotHere)
	}
	first := fakePeer(t, "first", relayTLS(relay), announcing(id), notHere)
	second := fakePeer(t, "second", relayTLS(relay), announcing(id), notHere)
	third := fakePeer(t, "third", relayTLS(relay), announcing(id), serveAsConnector(bodies))
	e, _ := meshed(t, id, relayTLS(relay), first, second, third)
	require.Eventually(t, up(e), patience, time.Millisecond)
	for _, body := range []string{"", "body", "", "body", "", "body"} {
		before := e.Stats()
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://app/", strings.NewReader(body)))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, body, <-bodies)
		after := e.Stats()
		require.Equal(t, after.RelayedOut-before.RelayedOut-1, after.RelayFailures-before.RelayFailures)
	}
	require.NotEmpty(t, refused)
	require.Empty(t, bodies)
	require.Zero(t, e.Stats().BadGateways)
}

// Everyone says no: the eyeball is told so, each having been asked once.
func TestATunnelThatHasLeftEverywhereIs502(t *testing.T) {
	id, relay := uuid.New(), relayCA(t)
	refused := make(chan struct{}, 64)
	notHere := func(s *quic.Stream) {
		refused <- struct{}{}
		s.CancelRead(relayNotHere)
		s.CancelWrite(relayNotHere)
	}
	e, _ := meshed(t, id, relayTLS(relay), fakePeer(t, "a", relayTLS(relay), announcing(id), notHere),
		fakePeer(t, "b", relayTLS(relay), announcing(id), notHere))
	require.Eventually(t, up(e), patience, time.Millisecond)
	for _, body := range []string{"", "body"} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://app/", strings.NewReader(body)))
		require.Equal(t, http.StatusBadGateway, w.Code)
		<-refused
		<-refused
		require.Empty(t, refused)
	}
	require.EqualValues(t, 4, e.Stats().RelayFailures)
	require.EqualValues(t, 2, e.Stats().BadGateways)
}

// A connector's reset with the holder's own code must not have a request sent twice.
func TestAConnectorCannotSpeakForTheHolder(t *testing.T) {
	require.Zero(t, passedOn(&quic.StreamError{ErrorCode: relayNotHere}, relayLost))
	require.Zero(t, passedOn(&quic.StreamError{ErrorCode: relayLost}, relayLost))
	require.EqualValues(t, 7, passedOn(&quic.StreamError{ErrorCode: 7}, relayLost))
	require.Equal(t, relayLost, passedOn(errors.New("connection lost"), relayLost))
}

// dialRelay connects as a peer would, and waits for the first word of
// presence: in TLS 1.3 a client learns only then that it was refused.
func dialRelay(t *testing.T, to net.Addr, conf *tls.Config) (*quic.Conn, error) {
	conf = conf.Clone()
	conf.NextProtos, conf.ServerName = []string{tunnel.RelayALPN}, tunnel.RelayServerName
	qc, err := quic.DialAddr(t.Context(), to.String(), conf, &quic.Config{})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = qc.CloseWithError(0, "") })
	_, err = qc.AcceptUniStream(t.Context())
	return qc, err
}

func TestOnlyTheEdgesOwnMayRelay(t *testing.T) {
	relay, other := relayCA(t), relayCA(t)
	public, err := ca.New("")
	require.NoError(t, err)
	_, addr := meshed(t, uuid.New(), relayTLS(relay))
	for name, certificates := range map[string][]tls.Certificate{
		"none": nil, "another authority's": {other.Leaf()}, "a tunnel's": {public.Leaf()},
	} {
		_, err := dialRelay(t, addr, &tls.Config{Certificates: certificates, RootCAs: relay.Pool()})
		var refused *quic.TransportError
		require.ErrorAs(t, err, &refused, name)
		require.True(t, refused.Remote && refused.ErrorCode.IsCryptoError(), "%s: %v", name, err)
	}
	_, err = dialRelay(t, addr, relayTLS(relay))
	require.NoError(t, err)
}

// losses is a log that passes on why links failed, and nothing else.
type losses struct {
	slog.Handler
	errors chan<- error
}

func (l losses) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && r.Message == "relay peer unreachable" {
			select {
			case l.errors <- err:
			default:
			}
		}
		return true
	})
	return nil
}

func (losses) Enabled(context.Context, slog.Level) bool { return true }

// The side that dials asks as much of the one that accepts: its certificate,
// and that it counts its tunnels rightly.
func TestAPeerGoneWrongIsNotRelayedTo(t *testing.T) {
	id, relay, other := uuid.New(), relayCA(t), relayCA(t)
	imposter := relayTLS(other)
	imposter.RootCAs = relay.Pool() // it would take us
	for want, peer := range map[string]Peer{
		"certificate signed by unknown authority": fakePeer(t, "a", imposter, announcing(id), func(*quic.Stream) {}),
		errPresence.Error():                       fakePeer(t, "a", relayTLS(relay), append(announcing(id), record('+', id)...), func(*quic.Stream) {}),
		"no application protocol":                 {Name: "a", Addr: listen(t, id).Addr()},
	} {
		failed := make(chan error, 1)
		e, _ := meshedWith(t, id, slog.New(losses{slog.DiscardHandler, failed}), relayTLS(relay), peer)
		require.ErrorContains(t, <-failed, want)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://app/", http.NoBody))
		require.Equal(t, http.StatusBadGateway, w.Code)
	}
}

func TestGroupPolicyHoldsOnRelayLinks(t *testing.T) {
	relay := relayCA(t)
	a, err := ParseAccept("pq")
	require.NoError(t, err)
	conf := relayTLS(relay)
	a.Configure(conf)
	_, addr := meshed(t, uuid.New(), conf)
	_, err = dialRelay(t, addr, relayTLS(relay, tls.CurveP256, tls.X25519))
	var refused *quic.TransportError
	require.ErrorAs(t, err, &refused)
	require.EqualValues(t, 0x128, refused.ErrorCode)
	qc, err := dialRelay(t, addr, relayTLS(relay))
	require.NoError(t, err)
	require.Equal(t, tls.X25519MLKEM768, qc.ConnectionState().TLS.CurveID)
}

func TestRelayRefusesWhatCannotWork(t *testing.T) {
	relay := relayCA(t)
	good := relayTLS(relay)
	somewhere := &net.UDPAddr{}
	for want, cfg := range map[string]RelayConfig{
		"no certificate": {},
		"trust anybody":  {TLS: &tls.Config{Certificates: good.Certificates}},
		"name":           {TLS: good, Peers: []Peer{{Addr: somewhere}}},
		"address":        {TLS: good, Peers: []Peer{{Name: "a"}}},
		`"twice"`:        {TLS: good, Peers: []Peer{{"twice", somewhere}, {"twice", somewhere}}},
	} {
		require.ErrorContains(t, cfg.validate(&tls.Config{}), want)
	}
}
