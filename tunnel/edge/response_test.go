package edge

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/tunnel/internal/wire"
)

func TestResponseHeaders(t *testing.T) {
	header := http.Header{}
	status, length, err := fillHeader(header, []wire.Metadata{
		{Key: "HttpStatus", Val: "204"},
		{Key: "HttpHeader:content-length", Val: "7"},
		{Key: "HttpHeader:Content-Length", Val: "7"},
		{Key: "HttpHeader:Set-Cookie", Val: "a=b"},
		{Key: "HttpHeader:set-cookie", Val: "c=d"},
		{Key: "HttpHeader:Connection", Val: "X-Hop"},
		{Key: "HttpHeader:X-Hop", Val: "1"},
		{Key: "HttpHeader:Transfer-Encoding", Val: "chunked"},
		{Key: "cf-trace-id", Val: "ignored"},
	})
	require.NoError(t, err)
	require.Equal(t, 204, status)
	require.EqualValues(t, 7, length)
	require.Equal(t, http.Header{"Content-Length": {"7"}, "Set-Cookie": {"a=b", "c=d"}}, header)

	_, length, err = fillHeader(http.Header{}, []wire.Metadata{{Key: "HttpStatus", Val: "200"}})
	require.NoError(t, err)
	require.EqualValues(t, -1, length)
}

// What a connector must not get past the edge.
func TestBadResponseHeadsAreRefused(t *testing.T) {
	ok := wire.Metadata{Key: "HttpStatus", Val: "200"}
	tests := map[string][]wire.Metadata{
		"no status":           {},
		"status is no number": {{Key: "HttpStatus", Val: "OK"}},
		"interim status":      {{Key: "HttpStatus", Val: "100"}},
		"interim":             {{Key: "HttpStatus", Val: "100"}},
		"status too large":    {{Key: "HttpStatus", Val: "1000"}},
		"second status bad":   {ok, {Key: "HttpStatus", Val: "-1"}},
		"LF in a value":       {ok, {Key: "HttpHeader:A", Val: "b\nSet-Cookie: c"}},
		"CR in a value":       {ok, {Key: "HttpHeader:A", Val: "b\rc"}},
		"CRLF in a name":      {ok, {Key: "HttpHeader:A\r\nB", Val: "c"}},
		"colon in a name":     {ok, {Key: "HttpHeader:A:B", Val: "c"}},
		"no name":             {ok, {Key: "HttpHeader:", Val: "c"}},
		"two lengths":         {ok, {Key: "HttpHeader:Content-Length", Val: "1"}, {Key: "HttpHeader:Content-Length", Val: "2"}},
		"negative length":     {ok, {Key: "HttpHeader:Content-Length", Val: "-1"}},
		"length is a list":    {ok, {Key: "HttpHeader:Content-Length", Val: "1, 1"}},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := fillHeader(http.Header{}, entries)
			require.Error(t, err)
		})
	}
}
