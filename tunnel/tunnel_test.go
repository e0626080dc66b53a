package tunnel

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

func TestNothingPrintsTheSecret(t *testing.T) {
	c := Credentials{AccountTag: "account", TunnelSecret: []byte("hunter2!"), TunnelID: uuid.New()}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "c", c, "p", &c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "p", &c)
	printed := log.String()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(format, c) + fmt.Sprintf(format, &c) + fmt.Sprintf(format, []Credentials{c}) +
			fmt.Sprintf(format, struct{ C Credentials }{c})
	}
	require.Contains(t, printed, c.TunnelID.String())
	spellings := []string{"hunter2!", "aHVudGVyMiE=", "68756e74657232", "104 117", "0x68, 0x75"}
	for _, secret := range spellings {
		require.NotContains(t, printed, secret)
	}
}

// The keys are cloudflared's credentials file's.
func TestCredentialsFile(t *testing.T) {
	id := uuid.New()
	var c Credentials
	require.NoError(t, json.Unmarshal([]byte(`{"AccountTag":"a","TunnelSecret":"aHVudGVyMiE=","TunnelID":"`+id.String()+`"}`), &c))
	require.Equal(t, Credentials{AccountTag: "a", TunnelSecret: []byte("hunter2!"), TunnelID: id}, c)
	require.NoError(t, c.Validate())
	for name, spoil := range map[string]func(*Credentials){
		"account tag": func(c *Credentials) { c.AccountTag = "" },
		"secret":      func(c *Credentials) { c.TunnelSecret = nil },
		"tunnel id":   func(c *Credentials) { c.TunnelID = uuid.Nil },
	} {
		bad := c
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), name)
	}
}

func TestQUICConfigIsCloudflareds(t *testing.T) {
	connector := QUICConfig(ConnectorSide, QUICOptions{})
	require.Equal(t, &quic.Config{
		Versions:             []quic.Version{quic.Version1},
		HandshakeIdleTimeout: 5 * time.Second, MaxIdleTimeout: 5 * time.Second, KeepAlivePeriod: time.Second,
		MaxConnectionReceiveWindow: 30 << 20, MaxStreamReceiveWindow: 6 << 20,
		MaxIncomingStreams: 1 << 14, MaxIncomingUniStreams: -1,
		InitialPacketSize: 1252, EnableDatagrams: true,
	}, connector)
	edge := QUICConfig(EdgeSide, QUICOptions{})
	require.Zero(t, edge.KeepAlivePeriod)
	require.EqualValues(t, EdgeStreamLimit, edge.MaxIncomingStreams)

	changed := QUICConfig(ConnectorSide, QUICOptions{InitialPacketSize: 1350, KeepAlive: -1, Idle: time.Minute, HandshakeIdle: time.Second})
	require.EqualValues(t, 1350, changed.InitialPacketSize)
	require.Zero(t, changed.KeepAlivePeriod)
	require.Equal(t, time.Minute, changed.MaxIdleTimeout)
	require.Equal(t, time.Second, changed.HandshakeIdleTimeout)
}

func TestInitialPacketSizes(t *testing.T) {
	for size, ok := range map[int]bool{0: true, 1199: false, 1200: true, 1452: true, 1453: false, -1: false, 1 << 17: false} {
		require.Equal(t, ok, QUICOptions{InitialPacketSize: size}.Validate() == nil, size)
	}
}

func TestTLSConfigFixesWhatTheTransportNeeds(t *testing.T) {
	base := &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}
	connector := TLSConfig(ConnectorSide, base)
	require.Equal(t, "quic.cftunnel.com", connector.ServerName)
	require.Equal(t, []string{"argotunnel"}, connector.NextProtos)
	require.EqualValues(t, tls.VersionTLS13, connector.MinVersion)
	require.Equal(t, base.CurvePreferences, connector.CurvePreferences)
	require.Empty(t, base.NextProtos, "the caller's own is left alone")
	require.Equal(t, "other", TLSConfig(ConnectorSide, &tls.Config{ServerName: "other"}).ServerName)
	require.Empty(t, TLSConfig(EdgeSide, base).ServerName)
}
