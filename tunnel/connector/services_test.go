package connector

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/tunnel/internal/wire"
)

// Every kind of service, asked through a connector by host.
func TestServicesAnswer(t *testing.T) {
	said := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.RequestURI+" "+r.Header.Get("X-Forwarded-Host"))
	})
	plain, secure := httptest.NewServer(said), httptest.NewTLSServer(said)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	dir := t.TempDir()
	pool := filepath.Join(dir, "pool.pem")
	require.NoError(t, os.WriteFile(pool, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	socket := filepath.Join(dir, "o.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	local := &http.Server{Handler: said}
	go func() { _ = local.Serve(l) }()
	t.Cleanup(func() { _ = local.Close() })

	in := rules(t,
		Rule{Hostname: "status.example", Service: "http_status:418"},
		Rule{Hostname: "plain.example", Service: plain.URL},
		Rule{Hostname: "socket.example", Service: "unix:" + socket},
		Rule{Hostname: "inner.example", Service: plain.URL, OriginRequest: OriginRequest{HTTPHostHeader: "inside"}},
		Rule{Hostname: "trusted.example", Service: secure.URL, OriginRequest: OriginRequest{CAPool: pool}},
		Rule{Hostname: "named.example", Service: secure.URL, OriginRequest: OriginRequest{CAPool: pool, OriginServerName: "example.com"}},
		Rule{Hostname: "misnamed.example", Service: secure.URL, OriginRequest: OriginRequest{CAPool: pool, OriginServerName: "other.test"}},
		Rule{Hostname: "unchecked.example", Service: secure.URL, OriginRequest: OriginRequest{NoTLSVerify: true}},
		Rule{Hostname: "untrusted.example", Service: secure.URL},
		Rule{Hostname: "dead.example", Service: "http://127.0.0.1:1"},
		Rule{Service: "http_status:404"},
	)
	link := connect(t, nil, 0, func(c *Config) { c.Ingress, c.Origin = in, nil })
	tests := []struct{ host, status, body, err string }{
		{"status.example", "418", "", ""},
		{"plain.example", "200", "plain.example /a?b ", ""},
		{"plain.example:8080", "200", "plain.example:8080 /a?b ", ""},
		{"socket.example", "200", "socket.example /a?b ", ""},
		{"inner.example", "200", "inside /a?b inner.example", ""},
		{"trusted.example", "200", "trusted.example /a?b ", ""},
		{"named.example", "200", "named.example /a?b ", ""},
		{"unchecked.example", "200", "unchecked.example /a?b ", ""},
		{"misnamed.example", "", "", "unable to reach the origin service"},
		{"untrusted.example", "", "", "unable to reach the origin service"},
		{"dead.example", "", "", "unable to reach the origin service"},
		{"other.example", "404", "", ""},
	}
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			enc := wire.BeginRequest(nil, "https://"+test.host+"/a?b", wire.HTTP, 2)
			enc.Add(wire.KeyMethod, "", "GET")
			enc.Add(wire.KeyHost, "", test.host)
			head, err := enc.Finish()
			require.NoError(t, err)
			response, body, err := answer(t, link.open(t, string(head)))
			require.NoError(t, err)
			require.Equal(t, test.status, status(response))
			require.Equal(t, test.body, body)
			require.Contains(t, response.Error, test.err)
			require.Equal(t, test.err == "", response.Error == "")
		})
	}
}
