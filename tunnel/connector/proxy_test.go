package connector

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/tunnel/internal/wire"
)

// filled is the request that entries make, besides method and host.
func filled(entries ...wire.Metadata) (*http.Request, error) {
	req := &http.Request{Header: http.Header{}}
	base := []wire.Metadata{{Key: wire.KeyMethod, Val: "POST"}, {Key: wire.KeyHost, Val: "example.com"}}
	return req, fill(req, append(base, entries...))
}

func header(name, value string) wire.Metadata {
	return wire.Metadata{Key: wire.KeyHeaderPrefix + name, Val: value}
}

func TestFramingOfBodies(t *testing.T) {
	tests := map[string]struct {
		entries []wire.Metadata
		want    int64 // ContentLength: 0 forwards no body
	}{
		"neither":             {nil, 0},
		"length":              {[]wire.Metadata{header("Content-Length", "7")}, 7},
		"length of zero":      {[]wire.Metadata{header("Content-Length", "0")}, 0},
		"same length twice":   {[]wire.Metadata{header("Content-Length", "7"), header("content-length", "7")}, 7},
		"chunked":             {[]wire.Metadata{header("Transfer-Encoding", "chunked")}, -1},
		"chunked, other case": {[]wire.Metadata{header("transfer-encoding", " Chunked ")}, -1},
		"chunked and length":  {[]wire.Metadata{header("Content-Length", "7"), header("Transfer-Encoding", "chunked")}, -1},
		"other encoding":      {[]wire.Metadata{header("Transfer-Encoding", "identity")}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := filled(test.entries...)
			require.NoError(t, err)
			require.Equal(t, test.want, req.ContentLength)
			require.NotContains(t, req.Header, "Content-Length")
			require.NotContains(t, req.Header, "Transfer-Encoding")
		})
	}
}

func TestHeadersOfARequest(t *testing.T) {
	req, err := filled(header("x-a", "1"), header("X-A", "2"), header("Host", "other"), header("Connection", "X-Hop"),
		header("X-Hop", "1"), header("Upgrade", "h2c"), header("Te", "trailers"), wire.Metadata{Key: "cf-trace-id", Val: "ignored"})
	require.NoError(t, err)
	require.Equal(t, "example.com", req.Host, "the host has an entry of its own")
	require.Equal(t, http.Header{"X-A": {"1", "2"}, "User-Agent": nil}, req.Header)
}

// What an edge must not get past the connector.
func TestBadRequestHeadsAreRefused(t *testing.T) {
	tests := map[string]wire.Metadata{
		"CRLF in a value":  header("A", "b\r\nC: d"),
		"LF in a value":    header("A", "b\nC: d"),
		"NUL in a value":   header("A", "b\x00"),
		"colon in a name":  header("A:B", "c"),
		"space in a name":  header("A ", "c"),
		"CRLF in a name":   header("A\r\nB", "c"),
		"no name":          header("", "c"),
		"method":           {Key: wire.KeyMethod, Val: "GET / HTTP/1.1\r\nA: b\r\n\r\nGET"},
		"no method":        {Key: wire.KeyMethod, Val: ""},
		"CONNECT":          {Key: wire.KeyMethod, Val: "CONNECT"},
		"host":             {Key: wire.KeyHost, Val: "a\r\nB: c"},
		"no host":          {Key: wire.KeyHost, Val: ""},
		"length":           header("Content-Length", "-1"),
		"length in hex":    header("Content-Length", "0x10"),
		"length with plus": header("Content-Length", "+1"),
	}
	for name, entry := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := filled(entry)
			require.ErrorIs(t, err, errHead)
		})
	}
	for _, second := range []string{"8", "0"} {
		_, err := filled(header("Content-Length", "7"), header("Content-Length", second))
		require.ErrorIs(t, err, errHead, "two lengths")
		_, err = filled(header("Content-Length", second), header("Content-Length", "7"))
		require.ErrorIs(t, err, errHead, "two lengths")
	}
}

func TestTargets(t *testing.T) {
	tests := []struct{ origin, dest, want string }{
		{"http://o:80", "http://eyeball/a/b?c", "http://o:80/a/b?c"},
		{"http://o:80/", "http://eyeball/a", "http://o:80/a"},
		{"http://o:80", "/path/only?q=1", "http://o:80/path/only?q=1"},
		{"http://o:80", "https://user:pass@eyeball:9/a%2Fb//../c%20d?x=%2F?", "http://o:80/a%2Fb//../c%20d?x=%2F?"},
		{"https://o", "//evil/a", "https://o/a"},
		{"http://o/base/", "http://h/a%2Fb", "http://o/base/a%2Fb"},
		{"http://o/b%2Fc", "http://h/a", "http://o/b%2Fc/a"},
	}
	for _, test := range tests {
		origin, err := url.Parse(test.origin)
		require.NoError(t, err)
		in, err := single(origin)
		require.NoError(t, err)
		got, err := url.Parse(test.dest)
		require.NoError(t, err, test.dest)
		in.find("h", got.Path).target(got)
		require.Equal(t, test.want, got.String())
	}
	for _, dest := range []string{"mailto:a@b", "http://h/\x00", "%zz"} {
		x := &exchange{proxy: &proxy{}}
		_, err := x.request(t.Context(), wire.Request{Dest: dest}, wire.Head{})
		require.ErrorIs(t, err, errHead, dest)
	}
}

// FuzzFill: whatever entries an edge sends, an accepted request cannot split
// or reframe what the origin reads.
func FuzzFill(f *testing.F) {
	f.Add("HttpHeader:Content-Length", "7", "HttpHeader:Transfer-Encoding", "chunked")
	f.Add("HttpHeader:A\r\nB", "c", "HttpMethod", "GET / HTTP/1.1\r\n")
	f.Add("HttpHost", "a b", "HttpHeader:Connection", "a, b")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		req, err := filled(wire.Metadata{Key: k1, Val: v1}, wire.Metadata{Key: k2, Val: v2})
		if err != nil {
			require.ErrorIs(t, err, errHead)
			return
		}
		for name, values := range req.Header {
			require.NotContains(t, []string{"Content-Length", "Transfer-Encoding", "Host", "Connection", "Upgrade"}, name)
			require.Equal(t, http.CanonicalHeaderKey(name), name)
			for _, v := range append([]string{name, req.Method, req.Host}, values...) {
				require.NotContains(t, v, "\r")
				require.NotContains(t, v, "\n")
			}
		}
	})
}
