package daemon

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResolveEdges(t *testing.T) {
	lookup := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		switch host {
		case "two":
			return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
		case "none":
			return nil, nil
		}
		return nil, errors.New("no such host")
	}
	for _, c := range []struct{ edges, want []string }{
		{[]string{"127.0.0.1:1", "127.0.0.1:1"}, []string{"127.0.0.1:1", "127.0.0.1:1"}},
		{[]string{"127.0.0.1", "::1", "[::1]:9"}, []string{"127.0.0.1:7844", "[::1]:7844", "[::1]:9"}},
		{[]string{"two", "two:99"}, []string{"192.0.2.1:7844", "[2001:db8::1]:7844", "192.0.2.1:99", "[2001:db8::1]:99"}},
		{[]string{"[fe80::1%lo]:5"}, []string{"[fe80::1%lo]:5"}},
	} {
		slots, err := ResolveEdges(t.Context(), c.edges, lookup)
		require.NoError(t, err)
		var got []string
		for _, s := range slots {
			got = append(got, s.String())
		}
		require.Equal(t, c.want, got)
	}
	for edge, want := range map[string]string{
		"gone:1": "no such host", "none:1": "no address", "a:b": "want host:port", ":1": "want host:port", "a:0": "want host:port",
		"a:70000": "want host:port", "a:b:c": "want host:port", "": "want host:port",
	} {
		_, err := ResolveEdges(t.Context(), []string{edge}, lookup)
		require.ErrorContains(t, err, want, edge)
	}
	_, err := ResolveEdges(t.Context(), nil, lookup)
	require.ErrorContains(t, err, "--edge")
}
