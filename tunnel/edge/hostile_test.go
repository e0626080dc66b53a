package edge

import (
	"context"
	"crypto/tls"
	"io"
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
	"pqbench/tunnel/internal/registration"
	"pqbench/tunnel/internal/wire"
)

const patience = 20 * time.Second

var secret = []byte("0123456789abcdef0123456789abcdef")

// listen starts an edge that knows one tunnel, with its own certificate.
func listen(t *testing.T, id uuid.UUID, groups ...tls.CurveID) *Edge {
	return listenWith(t, id, func(c *Config) { c.TLS.CurvePreferences = groups })
}

// listenWith is listen with a config that the caller changes.
func listenWith(t *testing.T, id uuid.UUID, change func(*Config)) *Edge {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	leaf := certificate.TLS.Certificates[0]
	certificate.Close()
	cfg := Config{
		TLS:       &tls.Config{Certificates: []tls.Certificate{leaf}},
		Addr:      "127.0.0.1:0",
		Authorize: func(account string, got uuid.UUID) ([]byte, bool) { return secret, account == "account" && got == id },
	}
	change(&cfg)
	e, err := Listen(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, e.Close(ctx))
	})
	return e
}

// dial connects as a connector that a test then has say what it likes.
func dial(t *testing.T, e *Edge, groups ...tls.CurveID) (*quic.Conn, error) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	tr := &quic.Transport{Conn: socket}
	t.Cleanup(func() { _, _ = tr.Close(), socket.Close() })
	conf := tunnel.TLSConfig(tunnel.ConnectorSide, &tls.Config{InsecureSkipVerify: true, CurvePreferences: groups})
	c, err := tr.Dial(t.Context(), e.Addr(), conf, tunnel.QUICConfig(tunnel.ConnectorSide, tunnel.QUICOptions{}))
	if err == nil {
		t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	}
	return c, err
}

// register registers connection 0 and returns the control stream's client.
func register(t *testing.T, c *quic.Conn, id uuid.UUID) *registration.Client {
	stream, err := c.OpenStream()
	require.NoError(t, err)
	client := registration.NewClient(controlStream{stream})
	_, err = client.Register(t.Context(), request(id))
	require.NoError(t, err)
	return client
}

func request(id uuid.UUID) registration.Request {
	return registration.Request{Client: uuid.New(), Credentials: tunnel.Credentials{AccountTag: "account", TunnelSecret: secret, TunnelID: id}}
}

// get asks the edge for a page of the tunnel while connector answers.
func get(t *testing.T, e *Edge, id uuid.UUID, c *quic.Conn, connector func(*quic.Stream)) (*http.Response, string, error) {
	eyeball := httptest.NewServer(e)
	defer eyeball.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, eyeball.URL, nil)
	require.NoError(t, err)
	r.Host = id.String() + tunnel.HostSuffix
	done := make(chan struct{})
	go func() {
		defer close(done)
		if stream, err := c.AcceptStream(t.Context()); err == nil {
			connector(stream)
		}
	}()
	resp, err := eyeball.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	<-done
	return resp, string(body), err
}

func TestAnswersOfAHostileConnector(t *testing.T) {
	head := func(entries ...wire.Metadata) string {
		enc := wire.BeginResponse(nil, "", len(entries))
		for _, md := range entries {
			enc.Add("", md.Key, md.Val)
		}
		b, err := enc.Finish()
		require.NoError(t, err)
		return string(b)
	}
	ok := wire.Metadata{Key: wire.KeyStatus, Val: "200"}
	tests := map[string]string{
		"nothing":             "",
		"no signature":        "HTTP/1.1 200 OK\r\n\r\n",
		"rpc signature":       wire.SignatureRPC,
		"oversized message":   wire.SignatureData + wire.Version + "\x00\x00\x00\x00\xff\xff\xff\x7f",
		"malformed message":   wire.SignatureData + wire.Version + "\x00\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("\xff", 8),
		"cut message":         head(ok)[:30],
		"no status":           head(),
		"switch of protocols": head(wire.Metadata{Key: wire.KeyStatus, Val: "101"}, wire.Metadata{Key: "HttpHeader:Upgrade", Val: "websocket"}),
		"header with newline": head(ok, wire.Metadata{Key: "HttpHeader:A", Val: "b\r\nSet-Cookie: evil=1"}),
		"error": func() string {
			e := wire.BeginResponse(nil, "10.1.2.3 refused", 0)
			b, _ := e.Finish()
			return string(b)
		}(),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			id := uuid.New()
			e := listen(t, id)
			c, err := dial(t, e)
			require.NoError(t, err)
			control := register(t, c, id)
			defer control.Close()
			resp, body, err := get(t, e, id, c, func(s *quic.Stream) {
				_, _ = s.Write([]byte(answer))
				_ = s.Close()
			})
			require.NoError(t, err)
			require.Equal(t, http.StatusBadGateway, resp.StatusCode)
			require.Equal(t, "Bad Gateway\n", body, "the eyeball learns no more")
			require.Empty(t, resp.Cookies())
			require.Equal(t, 1, e.Connections(id), "the connection is not to blame")
		})
	}
}

func TestBodyLongerThanAnnouncedIsCut(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	c, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, c, id).Close()
	_, body, err := get(t, e, id, c, func(s *quic.Stream) {
		enc := wire.BeginResponse(nil, "", 2)
		enc.Add("", wire.KeyStatus, "200")
		enc.Add(wire.KeyHeaderPrefix, "Content-Length", "2")
		head, _ := enc.Finish()
		_, _ = s.Write(append(head, "okHTTP/1.1 200 OK\r\n\r\nsmuggled"...))
		_ = s.Close()
	})
	require.Error(t, err)
	require.NotContains(t, body, "smuggled")
	require.EqualValues(t, 1, e.Stats().Aborted)
}

func TestSecondRegistrationOnAConnectionIsRefused(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	c, err := dial(t, e)
	require.NoError(t, err)
	control := register(t, c, id)
	defer control.Close()
	_, err = control.Register(t.Context(), request(id))
	require.ErrorContains(t, err, "registered already")
	require.Equal(t, 1, e.Connections(id))
}

func TestReplaceTakesThePlaceOfADuplicate(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	first, err := dial(t, e)
	require.NoError(t, err)
	second, err := dial(t, e)
	require.NoError(t, err)
	r := request(id)
	for i, c := range []*quic.Conn{first, second} {
		stream, err := c.OpenStream()
		require.NoError(t, err)
		control := registration.NewClient(controlStream{stream})
		r.Replace = i > 0
		_, err = control.Register(t.Context(), r)
		require.NoError(t, err)
		defer control.Close()
	}
	<-first.Context().Done()
	require.Equal(t, 1, e.Connections(id))
	require.EqualValues(t, 1, e.Stats().Registered)
}

func TestFurtherStreamsAreResetAndLimited(t *testing.T) {
	e := listen(t, uuid.New())
	c, err := dial(t, e)
	require.NoError(t, err)
	first, err := c.OpenStream()
	require.NoError(t, err)
	_, err = first.Write([]byte{0})
	require.NoError(t, err)
	for range 3 * tunnel.EdgeStreamLimit { // credit comes back as they are reset
		s, err := c.OpenStreamSync(t.Context())
		require.NoError(t, err)
		_, _ = s.Write([]byte("x"))
		_, err = s.Read(make([]byte, 1))
		var reset *quic.StreamError
		require.ErrorAs(t, err, &reset)
		require.True(t, reset.Remote)
		s.CancelWrite(0)
	}
}

func TestNoCommonGroupIsAFailedHandshake(t *testing.T) {
	e := listen(t, uuid.New(), tls.CurveP256)
	_, err := dial(t, e, tls.X25519MLKEM768)
	var refused *quic.TransportError
	require.ErrorAs(t, err, &refused)
	require.EqualValues(t, 0x128, refused.ErrorCode, "alert 40, as cloudflared users know it")
	require.Eventually(t, func() bool { return e.Stats().HandshakesFailed == 1 }, patience, time.Millisecond)
	require.Zero(t, e.Stats().Handshakes)
}

func TestListenRefusesWhatCannotWork(t *testing.T) {
	authorize := func(string, uuid.UUID) ([]byte, bool) { return nil, false }
	tests := map[string]Config{
		"certificate": {Authorize: authorize},
		"Authorize":   {TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}},
		"1200":        {TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}, Authorize: authorize, QUIC: tunnel.QUICOptions{InitialPacketSize: 100}},
	}
	for want, cfg := range tests {
		_, err := Listen(cfg)
		require.ErrorContains(t, err, want)
	}
}

// Authorize's word counts, whatever secret comes with it.
func TestUnknownTunnelIsRefusedEvenWithASecret(t *testing.T) {
	e := listen(t, uuid.New()) // returns the secret for any tunnel, and false for others
	c, err := dial(t, e)
	require.NoError(t, err)
	stream, err := c.OpenStream()
	require.NoError(t, err)
	control := registration.NewClient(controlStream{stream})
	defer control.Close()
	other := uuid.New()
	_, err = control.Register(t.Context(), request(other))
	require.ErrorIs(t, err, tunnel.ErrUnauthorized)
	var refused *registration.Error
	require.ErrorAs(t, err, &refused)
	require.False(t, refused.ShouldRetry)
	require.Zero(t, e.Connections(other))
}
