package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
)

// The settings are logged at the start, and a log is for many eyes.
func TestShownSettingsHideSecrets(t *testing.T) {
	s := ConnectorSettings{
		Token: "hunter2", CredentialsContents: "hunter2", URL: "http://user:hunter2@origin", Collector: "http://hunter2@c",
		TokenFile: "/path", Retries: new(3), GracePeriod: new(time.Second), Edge: List{"a:1"}, PostQuantum: PostQuantumStrict,
	}
	got := fmt.Sprint(s.shown())
	require.NotContains(t, got, "hunter2")
	require.Equal(t, "map[collector:xxxxx@c credentials-contents:***** edge:[a:1] grace-period:1s post-quantum:strict retries:3 "+
		"token:***** token-file:/path url:xxxxx@origin]", got)
}

func TestDialerOffersWhatTheSettingsSay(t *testing.T) {
	hybrid, p256 := tls.X25519MLKEM768, tls.CurveP256
	for name, c := range map[string]struct {
		s      ConnectorSettings
		offer  []tls.CurveID
		policy kex.Policy
	}{
		"2022 unasked":   {ConnectorSettings{}, []tls.CurveID{p256}, kex.Classical},
		"today unasked":  {ConnectorSettings{Compat: "today"}, []tls.CurveID{hybrid, p256}, kex.Prefer},
		"today, refused": {ConnectorSettings{Compat: "today", PostQuantum: PostQuantumOff}, []tls.CurveID{p256}, kex.Classical},
		"today, strict":  {ConnectorSettings{Compat: "today", PostQuantum: PostQuantumStrict}, []tls.CurveID{hybrid}, kex.Strict},
		"2022, named":    {ConnectorSettings{PostQuantum: PostQuantumStrict, Groups: List{"X25519MLKEM768"}}, []tls.CurveID{hybrid}, kex.Strict},
	} {
		d, told, err := c.s.dialer()
		require.NoError(t, err, name)
		require.Equal(t, c.offer, d.TLS.CurvePreferences, name)
		require.Equal(t, c.policy, told.Policy, name)
		require.Nil(t, d.TLS.RootCAs, "without cacert the system's")
	}
	d, _, err := ConnectorSettings{KeepAlive: new(time.Duration(0)), IdleTimeout: new(time.Minute), Compat: "today"}.dialer()
	require.NoError(t, err)
	conf := tunnel.QUICConfig(tunnel.ConnectorSide, d.QUIC)
	require.Zero(t, conf.KeepAlivePeriod)
	require.Equal(t, time.Minute, conf.MaxIdleTimeout)
	_, _, err = ConnectorSettings{CACert: filepath.Join(t.TempDir(), "none")}.dialer()
	require.ErrorContains(t, err, "cacert: ")
	_, _, err = ConnectorSettings{Groups: List{"X25519MLKEM768"}}.dialer()
	require.ErrorContains(t, err, "post-quantum: ", "groups without --post-quantum would not be offered")
}

// With the same seed the draw of 2022 is the same; without one both groups come up.
func TestSeedFixesTheDraw(t *testing.T) {
	s := ConnectorSettings{PostQuantum: PostQuantumStrict, Groups: List{"X25519MLKEM768", "SecP256r1MLKEM768"}}
	drawn := func(seed uint64) tls.CurveID {
		s.Seed = seed
		d, told, err := s.dialer()
		require.NoError(t, err)
		require.Equal(t, connector.Compat2022, told.Compat)
		require.Len(t, d.TLS.CurvePreferences, 1)
		return d.TLS.CurvePreferences[0]
	}
	seen := map[tls.CurveID]bool{}
	for seed := range uint64(64) {
		require.Equal(t, drawn(seed+1), drawn(seed+1))
		seen[drawn(seed+1)] = true
	}
	require.Len(t, seen, 2)
}

func TestWrongSettingsAreTheCallers(t *testing.T) {
	log, release, err := NewLogger(t.Output(), false, LogSettings{File: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, err)
	defer release()
	for want, s := range map[string]ConnectorSettings{
		"retries: 99":        {Retries: new(99)},
		"credentials-file: ": {},
		"provider: ":         {Provider: "nobody"},
	} {
		err := RunConnector(t.Context(), s, nil, log)
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, new(*ConfigError))
	}
	require.ErrorAs(t, RunEdge(t.Context(), EdgeSettings{Cert: "x", State: t.TempDir()}, log), new(*ConfigError))
	require.False(t, errors.As(RunOrigin(t.Context(), OriginSettings{Listen: "127.0.0.1:x"}, log), new(*ConfigError)))
	_, _, err = NewLogger(t.Output(), false, LogSettings{File: t.TempDir()})
	require.ErrorContains(t, err, "logfile: ")
}
