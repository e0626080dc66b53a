package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

// encoded is the decoded head that the edge makes of a request.
func encoded(t *testing.T, r *http.Request) wire.Request {
	head, err := encodeRequest(nil, r)
	require.NoError(t, err)
	got, err := wire.ReadHead(strings.NewReader(string(head)), make([]byte, 4096), nil)
	require.NoError(t, err)
	request, err := wire.DecodeRequest(got.Message, nil)
	require.NoError(t, err)
	return request
}

func TestHeadOfARequest(t *testing.T) {
	r := httptest.NewRequest("POST", "/a%2Fb?c=d", nil)
	r.Host, r.ContentLength = "example.com", 5
	r.Header = http.Header{
		"Accept-Encoding": {"br"}, "Content-Length": {"99"}, "Host": {"other"},
		"Connection": {"X-Hop, close"}, "X-Hop": {"1"}, "Upgrade": {"websocket"}, "Te": {"trailers"},
		"Transfer-Encoding": {"gzip"}, "Proxy-Authorization": {"secret"},
	}
	got := encoded(t, r)
	require.Equal(t, wire.HTTP, got.Type)
	require.Equal(t, "http://example.com/a%2Fb?c=d", got.Dest)
	require.Equal(t, []wire.Metadata{
		{Key: "HttpMethod", Val: "POST"},
		{Key: "HttpHost", Val: "example.com"},
		{Key: "HttpHeader:Accept-Encoding", Val: "br"},
		{Key: "HttpHeader:Content-Length", Val: "5"},
	}, got.Metadata)

	r.ContentLength = -1
	got = encoded(t, r)
	require.Equal(t, wire.Metadata{Key: "HttpHeader:Transfer-Encoding", Val: "chunked"}, got.Metadata[3])
	r.ContentLength = 0
	require.Len(t, encoded(t, r).Metadata, 3)
}

func TestMalformedHeadersGoNoFurther(t *testing.T) {
	for name, value := range map[string]string{"A": "b\r\nC: d", "A:B": "c", "A\n": "b"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header[name] = []string{value}
		_, err := encodeRequest(nil, r)
		require.Error(t, err, "%q: %q", name, value)
	}
}

func TestRefusalsThatAreTheEyeballsFault(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	c, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, c, id).Close()
	tests := map[int]func(*http.Request){
		http.StatusMethodNotAllowed:            func(r *http.Request) { r.Method = http.MethodConnect },
		http.StatusNotFound:                    func(r *http.Request) { r.Host = "elsewhere.example" },
		http.StatusRequestHeaderFieldsTooLarge: func(r *http.Request) { r.Header.Set("A", strings.Repeat("a", wire.MaxMessage)) },
	}
	for want, spoil := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = id.String() + tunnel.HostSuffix
		spoil(r)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		require.Equal(t, want, w.Code)
	}
	require.Zero(t, e.Stats().BadGateways)
	require.EqualValues(t, len(tests), e.Stats().Requests)
}
