package cloudflared_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/cloudflared"
)

func TestItsConnectionsRegister(t *testing.T) {
	for _, want := range []int{tunnel.HAConnections, 6} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			s := newSite(t, 2)
			p := s.start(func(c *cloudflared.Config) { c.Connections = want })
			s.ready(p, want)
			have := []int{s.edges[0].Connections(s.creds.TunnelID), s.edges[1].Connections(s.creds.TunnelID)}
			assert.Equal(t, []int{want / 2, want / 2}, have, "connections at the two edges, its two regions")
			require.NoError(t, p.Stop(patience))
		})
	}
}

func TestItServesRequests(t *testing.T) {
	s := newSite(t, 1)
	p := s.start(nil)
	s.ready(p, tunnel.HAConnections)
	e := s.eyeball(0)

	t.Run("GET", func(t *testing.T) {
		assert.Len(t, e.get(t, "/bytes/1024"), 1024)
	})
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	for _, body := range []struct {
		name    string
		content []byte
	}{{"small", []byte("hello")}, {"5 MiB", large}} {
		t.Run("POST with length, "+body.name, func(t *testing.T) {
			assert.Equal(t, len(body.content), len(e.post(t, "/echo", bytes.NewReader(body.content))))
		})
		t.Run("POST chunked, "+body.name, func(t *testing.T) {
			got := e.post(t, "/echo", io.MultiReader(bytes.NewReader(body.content)))
			assert.True(t, bytes.Equal(body.content, got), "%d bytes came back", len(got))
		})
	}
	t.Run("GET 5 MiB", func(t *testing.T) {
		assert.Len(t, e.get(t, fmt.Sprintf("/bytes/%d", 5<<20)), 5<<20)
	})
	require.NoError(t, p.Stop(patience))
}

func (e *eyeball) get(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := e.Get(e.url + path)
	return whole(t, resp, err)
}

func (e *eyeball) post(t *testing.T, path string, body io.Reader) []byte {
	t.Helper()
	resp, err := e.Post(e.url+path, "application/octet-stream", body)
	return whole(t, resp, err)
}

func whole(t *testing.T, resp *http.Response, err error) []byte {
	t.Helper()
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	return body
}

func TestItSurvivesALostEdge(t *testing.T) {
	s := newSite(t, 2)
	p := s.start(nil)
	s.ready(p, tunnel.HAConnections)
	s.close(0)
	e := s.eyeball(1)
	for range 50 {
		assert.Len(t, e.get(t, "/bytes/100"), 100, "the other edge's connections still serve")
	}
	s.listen(0)
	s.ready(p, tunnel.HAConnections)
	assert.NotZero(t, s.edges[0].Connections(s.creds.TunnelID), "its connections came back to the edge that was lost")
	assert.Len(t, s.eyeball(0).get(t, "/bytes/100"), 100)
	require.NoError(t, p.Stop(patience))
}

func TestItShutsDownInGoodOrder(t *testing.T) {
	s := newSite(t, 1)
	p := s.start(func(c *cloudflared.Config) { c.GracePeriod = 5 * time.Second })
	s.ready(p, tunnel.HAConnections)
	e := s.eyeball(0)
	answered := make(chan error, 1)
	go func() {
		resp, err := e.Get(e.url + "/delay/2s")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		answered <- err
	}()
	require.Eventually(t, func() bool { return s.edges[0].Stats().InFlight == 1 }, patience, time.Millisecond)
	p.Terminate()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := p.Logged(ctx, regexp.MustCompile("Unregistered tunnel connection"), tunnel.HAConnections)
	require.NoError(t, err)
	assert.Zero(t, s.edges[0].Connections(s.creds.TunnelID), "out of rotation at once")
	assert.NoError(t, <-answered, "a request in flight ends well within the grace period")
	require.NoError(t, p.Stop(patience), "exit status 0")
}

func TestItsPolicies(t *testing.T) {
	for _, tc := range []struct {
		name        string
		postQuantum bool
		edge        []string
		group       tls.CurveID
		retried     bool
		refused     bool
	}{
		{"strict", true, nil, tls.X25519MLKEM768, false, false},
		{"prefer", false, nil, tls.X25519MLKEM768, false, false},
		{"prefer, edge with P-256 alone", false, []string{"P-256"}, tls.CurveP256, true, false},
		{"strict, edge with P-256 alone", true, []string{"P-256"}, 0, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, 1, tc.edge...)
			p := s.start(func(c *cloudflared.Config) { c.PostQuantum, c.Connections = tc.postQuantum, 1 })
			if tc.refused {
				s.isRefused(p)
				return
			}
			s.ready(p, 1)
			require.NoError(t, p.Stop(patience))
			s.mu.Lock()
			defer s.mu.Unlock()
			require.NotEmpty(t, s.handshakes)
			h := s.handshakes[0]
			assert.Equal(t, []any{tc.group, tc.retried}, []any{h.Group, h.Retried}, "group, HelloRetryRequest")
			require.NotEmpty(t, s.features)
			assert.Equal(t, tc.postQuantum, strings.Contains(fmt.Sprint(s.features[0]), tunnel.FeaturePostQuantum))
		})
	}
}

// isRefused checks that both ends say why: alert 40, handshake_failure (RFC 9001, section 4.8: 0x100 and the alert).
func (s *site) isRefused(p *cloudflared.Process) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := p.Logged(ctx, regexp.MustCompile("CRYPTO_ERROR 0x128"), 1)
	require.NoError(s.t, err)
	// The edge tells the peer before its own trace.
	require.Eventually(s.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.refused) > 0
	}, patience, time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.ErrorContains(s.t, s.refused[0], "CRYPTO_ERROR 0x128")
	assert.Empty(s.t, s.handshakes)
}
