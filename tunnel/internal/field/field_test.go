package field

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValid(t *testing.T) {
	tests := []struct {
		name, value string
		want        bool
	}{
		{"X-A", "b", true},
		{"X-A", "", true},
		{"X-A", "tab\tand \xff", true},
		{"X-A", "a\r\nB: c", false},
		{"X-A", "a\nb", false},
		{"X-A", "a\rb", false},
		{"X-A", "a\x00b", false},
		{"X-A", "a\x7fb", false},
		{"", "b", false},
		{"X A", "b", false},
		{"X:A", "b", false},
		{"X-A\r\n", "b", false},
		{"X-Ä", "b", false},
	}
	for _, test := range tests {
		require.Equal(t, test.want, Valid(test.name, test.value), "%q: %q", test.name, test.value)
	}
}

func TestHop(t *testing.T) {
	connection := []string{"close, X-Mine", " x-other ,"}
	tests := map[string]bool{
		"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true,
		"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
		"X-Mine": true, "X-Other": true,
		"X-Min": false, "Content-Length": false, "Host": false, "Cookie": false, "": true,
	}
	for name, want := range tests {
		require.Equal(t, want, Hop(name, connection), name)
	}
	require.False(t, Hop("X-Mine", nil))
}

func TestMethodsAndHosts(t *testing.T) {
	require.True(t, ValidMethod("PROPFIND"))
	require.False(t, ValidMethod(""))
	require.False(t, ValidMethod("GET /x HTTP/1.1\r\nA: b"))
	require.True(t, ValidHost("example.com:443"))
	require.True(t, ValidHost("[::1]:443"))
	require.False(t, ValidHost(""))
	require.False(t, ValidHost("a\r\nb"))
	require.False(t, ValidHost("a b"))
	require.False(t, ValidHost("a/b"))
}
