package metrics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

var build = Build{Version: "1", Revision: "abc", GoVersion: "go1.26"}

// scrape is the text that Prometheus gets, by series.
func scrape(t testing.TB, g prometheus.Gatherer) map[string]string {
	s := &Server{}
	w := httptest.NewRecorder()
	s.handler(Config{Gatherer: g}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	series := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			series[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return series
}

// contains says that the series have these values.
func contains(t testing.TB, series, want map[string]string) {
	t.Helper()
	for name, value := range want {
		require.Equal(t, value, series[name], name)
	}
}

func TestConnectorHasCloudflaredsNames(t *testing.T) {
	c := NewConnector(build)
	c.Watch(func() int { return 7 })
	trace := c.Trace()
	begin := time.Unix(0, 0)
	trace.HandshakeDone(tunnel.Handshake{Start: begin, Done: begin.Add(2 * time.Millisecond), Group: tls.X25519MLKEM768})
	trace.HandshakeDone(tunnel.Handshake{Start: begin, Done: begin.Add(time.Second), Err: &quic.TransportError{ErrorCode: 0x128, Remote: true}})
	for i, location := range []string{"AMS", "FRA"} {
		trace.Registered(tunnel.Registration{Connection: tunnel.Connection{Index: uint8(i)}, Location: location})
	}
	trace.Registered(tunnel.Registration{Connection: tunnel.Connection{Index: 2}, Err: tunnel.ErrDuplicateConnection})
	trace.Registered(tunnel.Registration{Connection: tunnel.Connection{Index: 2}, Err: tunnel.ErrUnauthorized})
	trace.ConnClosed(tunnel.ConnClose{Connection: tunnel.Connection{Index: 1}, Registered: true, Err: &quic.IdleTimeoutError{}})
	trace.Registered(tunnel.Registration{Connection: tunnel.Connection{Index: 0}, Location: "LHR"})
	trace.RequestDone(tunnel.Request{Status: 200})
	trace.RequestDone(tunnel.Request{Status: 777})
	trace.RequestDone(tunnel.Request{Err: syscall.ECONNREFUSED})
	trace.Backoff(tunnel.Backoff{})
	contains(t, scrape(t, c.Gatherer()), map[string]string{
		`build_info{goversion="go1.26",revision="abc",type="pqbench",version="1"}`:                    "1",
		`cloudflared_tunnel_ha_connections`:                                                           "1",
		`cloudflared_tunnel_total_requests`:                                                           "3",
		`cloudflared_tunnel_concurrent_requests_per_tunnel`:                                           "7",
		`cloudflared_tunnel_request_errors`:                                                           "1",
		`cloudflared_tunnel_response_by_code{status_code="200"}`:                                      "1",
		`cloudflared_tunnel_response_by_code{status_code="other"}`:                                    "1",
		`cloudflared_tunnel_server_locations{connection_id="0",edge_location="AMS"}`:                  "0",
		`cloudflared_tunnel_server_locations{connection_id="0",edge_location="LHR"}`:                  "1",
		`cloudflared_tunnel_server_locations{connection_id="1",edge_location="FRA"}`:                  "1",
		`cloudflared_tunnel_tunnel_register_success{rpcName="registerConnection"}`:                    "3",
		`cloudflared_tunnel_tunnel_register_fail{error="dup_edge_conn",rpcName="registerConnection"}`: "1",
		`cloudflared_tunnel_tunnel_register_fail{error="server_error",rpcName="registerConnection"}`:  "1",
		`quic_client_total_connections`:                                                               "2",
		`quic_client_closed_connections`:                                                              "2",
		`pqbench_handshake_seconds_count{group="X25519MLKEM768",side="connector"}`:                    "1",
		`pqbench_handshake_seconds_sum{group="X25519MLKEM768",side="connector"}`:                      "0.002",
		`pqbench_failures_total{class="handshake_no_common_group"}`:                                   "1",
		`pqbench_failures_total{class="registration_duplicate"}`:                                      "1",
		`pqbench_failures_total{class="registration_unauthorized"}`:                                   "1",
		`pqbench_failures_total{class="connection_idle"}`:                                             "1",
		`pqbench_failures_total{class="request_network"}`:                                             "1",
		`pqbench_backoffs_total`:                                                                      "1",
	})
	trace.Unregistered(tunnel.Connection{Index: 0})
	contains(t, scrape(t, c.Gatherer()), map[string]string{`cloudflared_tunnel_ha_connections`: "0"})
}

// Whatever peers say, the number of series stays small.
func TestSeriesAreBounded(t *testing.T) {
	c := NewConnector(build)
	trace := c.Trace()
	for i := range 5000 {
		trace.HandshakeDone(tunnel.Handshake{Group: tls.CurveID(i)})
		trace.HandshakeDone(tunnel.Handshake{Err: fmt.Errorf("error %d", i)})
		trace.Registered(tunnel.Registration{Connection: tunnel.Connection{Index: uint8(i)}, Location: fmt.Sprint("L\xff", i)})
		trace.Registered(tunnel.Registration{Err: fmt.Errorf("error %d", i)})
		trace.RequestDone(tunnel.Request{Status: i})
	}
	series := scrape(t, c.Gatherer())
	require.Less(t, len(series), 2500)
	now := 0
	for name, value := range series {
		if strings.HasPrefix(name, "cloudflared_tunnel_server_locations") && value == "1" {
			now++
		}
	}
	require.Equal(t, 256, now, "every connection has one current location")
}

// A label that is not UTF-8 is a panic; an edge chooses its location.
func TestPeersWordsAreCutToLabels(t *testing.T) {
	for text, want := range map[string]string{
		"AMS": "AMS", "L\xffX": "LX", "": "",
		"a" + strings.Repeat("é", 20): "a" + strings.Repeat("é", 15), // 33 bytes and more; the 32nd is half a character
	} {
		require.Equal(t, want, word(text))
		c := NewConnector(build)
		c.Trace().Registered(tunnel.Registration{Location: text})
		require.Contains(t, scrape(t, c.Gatherer()), `cloudflared_tunnel_server_locations{connection_id="0",edge_location="`+want+`"}`)
	}
}

func TestClasses(t *testing.T) {
	for want, errs := range map[string][]error{
		"no_common_group": {&quic.TransportError{ErrorCode: 0x128, Remote: true}, fmt.Errorf("dial: %w", &quic.TransportError{ErrorCode: 0x128})},
		"certificate":     {&quic.TransportError{ErrorCode: 0x12a}, x509.UnknownAuthorityError{}, &tls.CertificateVerificationError{Err: errors.New("x")}},
		"tls":             {&quic.TransportError{ErrorCode: 0x178}},
		"timeout":         {&quic.HandshakeTimeoutError{}, context.DeadlineExceeded, os.ErrDeadlineExceeded},
		"idle":            {&quic.IdleTimeoutError{}},
		"unauthorized":    {fmt.Errorf("x: %w", tunnel.ErrUnauthorized)},
		"duplicate":       {tunnel.ErrDuplicateConnection},
		"no_tunnel":       {tunnel.ErrNoConnection, tunnel.ErrUnknownHost},
		"network":         {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, net.ErrClosed, &net.DNSError{}},
		"version":         {&quic.VersionNegotiationError{}},
		"reset":           {&quic.ApplicationError{}, &quic.StreamError{}, &quic.StatelessResetError{}},
		"canceled":        {context.Canceled},
		"other":           {errors.New("x"), &quic.TransportError{ErrorCode: 1}, nil},
	} {
		require.Contains(t, Classes(), want)
		for _, err := range errs {
			require.Equal(t, want, Class(err), "%T %v", err, err)
		}
	}
}

// get asks a server for a page.
func get(t testing.TB, address net.Addr, path string) (int, string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address.String()+path, nil)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestServer(t *testing.T) {
	ready, id := 0, uuid.New()
	l, err := Listen("127.0.0.1:0", 0)
	require.NoError(t, err)
	s := Serve(l, Config{Gatherer: NewConnector(build).Gatherer(), Ready: func() int { return ready }, ConnectorID: id})
	check := func(status, connections int) {
		t.Helper()
		got, body := get(t, s.Addr(), "/ready")
		require.Equal(t, status, got)
		require.JSONEq(t, fmt.Sprintf(`{"status":%d,"readyConnections":%d,"connectorId":"%s"}`, status, connections, id), body)
	}
	check(503, 0)
	ready = 4
	check(200, 4)
	status, body := get(t, s.Addr(), "/healthcheck")
	require.Equal(t, "200 OK\n", fmt.Sprint(status, " ", body))
	status, _ = get(t, s.Addr(), "/debug/pprof/")
	require.Equal(t, 404, status)
	status, body = get(t, s.Addr(), "/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, "process_resident_memory_bytes")
	require.NoError(t, s.Close(t.Context()))

	l, err = Listen("127.0.0.1:0", 0)
	require.NoError(t, err)
	s = Serve(l, Config{Gatherer: NewEdge(build).Gatherer(), Pprof: true})
	for path, want := range map[string]int{"/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404, "/ready": 404} {
		status, _ = get(t, s.Addr(), path)
		require.Equal(t, want, status, path)
	}
	require.NoError(t, s.Close(t.Context()))
}

// Listening goes on to the next port, then to any.
func TestListenFindsAPort(t *testing.T) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	first := 20261 // of nobody's
	var got []int
	for range ports + 1 {
		l, err := Listen("", first)
		require.NoError(t, err)
		held = append(held, l)
		require.True(t, l.Addr().(*net.TCPAddr).IP.IsLoopback())
		got = append(got, l.Addr().(*net.TCPAddr).Port)
	}
	slices.Sort(got)
	require.Len(t, slices.Compact(got), ports+1)
	_, err := Listen(held[0].Addr().String(), first)
	require.ErrorContains(t, err, "metrics: ")
}

// Every number that an edge counts is told, under a name of its own.
func TestEveryEdgeCounterIsTold(t *testing.T) {
	var stats edge.Stats
	v := reflect.ValueOf(&stats).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i + 1))
	}
	var got []int64
	for _, s := range edgeSeries {
		got = append(got, s.read(stats))
	}
	slices.Sort(got)
	require.Len(t, slices.Compact(got), v.NumField())
}

// A real edge and connector, and the numbers they leave.
func TestBothEnds(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	creds := tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()}
	edges, connectors := NewEdge(build), NewConnector(build)
	e, err := edge.Listen(edge.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}}, Addr: "127.0.0.1:0", Trace: edges.Trace(),
		Authorize: func(string, uuid.UUID) ([]byte, bool) { return creds.TunnelSecret, true },
	})
	require.NoError(t, err)
	edges.Watch("AMS", e)
	collector := &edge.Collector{}
	edges.WatchCollector(collector)
	report, err := json.Marshal(map[string]any{"g": 0xfe30, "m": "CRYPTO_ERROR 0x128", "v": "1"})
	require.NoError(t, err)
	post := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(report)))
	post.Header.Set("Content-Type", "application/json")
	collector.ServeHTTP(httptest.NewRecorder(), post)

	var c *connector.Connector
	during := make(chan int, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		during <- c.InFlight()
		http.NotFound(w, r)
	}))
	defer origin.Close()
	u, err := url.Parse(origin.URL)
	require.NoError(t, err)
	c, err = connector.New(connector.Config{
		Edges: []net.Addr{e.Addr()}, Credentials: creds, Connections: 1, Origin: u, Trace: connectors.Trace(),
		Dialer: &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool(), CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}, Trace: connectors.Trace()},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	require.NoError(t, c.Ready(ctx))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = creds.TunnelID.String() + tunnel.HostSuffix
	e.ServeHTTP(w, r)
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, 1, <-during)
	contains(t, scrape(t, edges.Gatherer()), map[string]string{
		`pqbench_edge_registered{colo="AMS"}`:                                                  "1",
		`pqbench_edge_requests_total{colo="AMS"}`:                                              "1",
		`pqbench_edge_responses_total{status_code="404"}`:                                      "1",
		`pqbench_handshake_seconds_count{group="X25519MLKEM768",side="edge"}`:                  "1",
		`pqbench_edge_reports_total{error="CRYPTO_ERROR 0x128",group="X25519Kyber512Draft00"}`: "1",
		`pqbench_edge_reports_refused_total`:                                                   "0",
	})
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, e.Close(context.Background()))
	require.Zero(t, c.InFlight())
	contains(t, scrape(t, connectors.Gatherer()), map[string]string{`cloudflared_tunnel_total_requests`: "1", `cloudflared_tunnel_ha_connections`: "0",
		`cloudflared_tunnel_response_by_code{status_code="404"}`: "1"})
}
