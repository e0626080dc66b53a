package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

func TestIssueAndAuthorize(t *testing.T) {
	dir := t.TempDir()
	s := EdgeSettings{State: filepath.Join(dir, "state"), Colos: []string{"AMS", "FRA"}, Listen: []string{"0.0.0.0:7000"}, Hostnames: map[string]string{"App.Example": ""}}
	out := filepath.Join(dir, "demo")
	issue, creds, err := IssueTunnel(out, s)
	require.NoError(t, err)

	for _, read := range []func() (tunnel.Credentials, error){
		func() (tunnel.Credentials, error) {
			return tunnel.ReadCredentials(filepath.Join(out, "credentials.json"))
		},
		func() (tunnel.Credentials, error) { return tunnel.ReadToken(filepath.Join(out, "token")) },
	} {
		got, err := read()
		require.NoError(t, err)
		require.Equal(t, creds, got)
	}
	require.Len(t, creds.TunnelSecret, 32)
	f, err := ReadFile(filepath.Join(out, "config.yml"))
	require.NoError(t, err)
	require.Equal(t, List{"127.0.0.1:7000", "127.0.0.1:7001"}, f.Edge[:2])
	require.Len(t, f.Edge, 8)
	got, err := f.Credentials()
	require.NoError(t, err)
	require.Equal(t, creds, got)

	state, err := OpenState(s.State)
	require.NoError(t, err)
	secret, ok := state.Authorize(creds.AccountTag, creds.TunnelID)
	require.True(t, ok)
	require.Equal(t, creds.TunnelSecret, secret)
	routes, err := state.Routes()
	require.NoError(t, err)
	require.Equal(t, map[string]uuid.UUID{"app.example": creds.TunnelID}, routes)
	for _, bad := range []struct {
		account string
		id      uuid.UUID
	}{{"other", creds.TunnelID}, {creds.AccountTag, uuid.New()}, {creds.AccountTag, uuid.Nil}} {
		_, ok := state.Authorize(bad.account, bad.id)
		require.False(t, ok, bad)
	}
	require.NoError(t, os.Remove(state.tunnel(creds.TunnelID)))
	_, ok = state.Authorize(creds.AccountTag, creds.TunnelID)
	require.False(t, ok, "a removed file revokes the tunnel")

	var said bytes.Buffer
	issue.Explain(&said, creds)
	token, err := creds.Token()
	require.NoError(t, err)
	require.NotContains(t, said.String(), token)
	require.Contains(t, said.String(), creds.TunnelID.String()+".cfargotunnel.com")

	_, _, err = IssueTunnel(out, s)
	require.ErrorContains(t, err, "already holds a tunnel")
	s.Hostnames = map[string]string{"http://a": ""}
	_, _, err = IssueTunnel(out+"2", s)
	require.ErrorContains(t, err, "without scheme")
	require.NoDirExists(t, out+"2")
}

// A secret's place is not for others, and several processes may begin at once.
func TestStateFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "state")
	s, err := OpenState(dir)
	require.NoError(t, err)
	var wg sync.WaitGroup
	roots := make([]string, 4)
	for i := range roots {
		wg.Go(func() {
			authority, err := s.CA("ecdsa-p256")
			if err == nil {
				_, root, _ := authority.PEM()
				roots[i] = string(root)
			}
		})
	}
	wg.Wait()
	for _, r := range roots {
		require.NotEmpty(t, r)
		require.Equal(t, roots[0], r)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.False(t, strings.HasPrefix(e.Name(), "."), e.Name())
	}
	relay, err := s.Relay()
	require.NoError(t, err)
	require.Equal(t, []string{tunnel.RelayServerName}, relay.Leaf().Leaf.DNSNames)

	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = OpenState(dir)
	require.ErrorContains(t, err, "chmod 700")
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, os.WriteFile(s.routes(), []byte("[]"), 0o600))
	_, err = s.Routes()
	require.ErrorContains(t, err, "routes.json is not an object")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca-ecdsa-p256", "leaf.pem"), nil, 0o600))
	_, err = s.CA("ecdsa-p256")
	require.ErrorContains(t, err, "ca-ecdsa-p256")
}

func TestSites(t *testing.T) {
	for name, c := range map[string]struct {
		s    EdgeSettings
		want []site
	}{
		"default":    {EdgeSettings{}, []site{{"local", "127.0.0.1:7844", "127.0.0.1:8443"}}},
		"port after": {EdgeSettings{Colos: []string{"A", "B"}, Listen: []string{"[::1]:1"}, Eyeball: []string{":5", ":9"}}, []site{{"A", "[::1]:1", ":5"}, {"B", "[::1]:2", ":9"}}},
		"any port":   {EdgeSettings{Colos: []string{"A", "B"}, Listen: []string{"h:0"}}, []site{{"A", "h:0", "127.0.0.1:8443"}, {"B", "h:0", "127.0.0.1:8444"}}},
	} {
		got, err := c.s.sites()
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	for want, s := range map[string]EdgeSettings{
		"colo: A is there twice":    {Colos: []string{"A", "A"}},
		"colo: \"\": want a short":  {Colos: []string{""}},
		"colo: \"A=\": want":        {Colos: []string{"A="}},
		"listen: 2 addresses for 3": {Colos: []string{"A", "B", "C"}, Listen: []string{"a:1", "b:1"}},
		"listen: \"a\" is not":      {Listen: []string{"a"}},
		"eyeball: \":65535\": want": {Colos: []string{"A", "B"}, Eyeball: []string{":65535"}},
		"relay-listen: one data":    {RelayListen: []string{":1"}},
		"relay-listen: with --peer": {Peers: []string{"B=127.0.0.1:1"}},
		"peer: \"B\": want NAME":    {Peers: []string{"B"}, RelayListen: []string{":1"}},
		"peer: B: there is another": {Colos: []string{"A", "B"}, Peers: []string{"B=127.0.0.1:1"}, RelayListen: []string{":1"}},
		"cert: \"dsa\" is unknown":  {Cert: "dsa"},
		"tls-cert: --tls-cert and":  {TLSKey: "k"},
		"hostname: a=b: want":       {Hostnames: map[string]string{"a": "b"}},
		"accept: accept \"x\"":      {Accept: "x"},
		"grace-period: -1ns":        {GracePeriod: -1},
	} {
		require.ErrorContains(t, s.check(), want)
	}
}
