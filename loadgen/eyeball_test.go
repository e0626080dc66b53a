package loadgen

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

func TestEyeballs(t *testing.T) {
	var mu sync.Mutex
	hosts := map[string]int{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts[r.Host]++
		mu.Unlock()
		switch r.URL.Path {
		case "/sink":
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, `{"bytes":%d}`, n)
		case "/leaky":
			fmt.Fprint(w, `{"bytes":7}`)
		case "/ten":
			_, _ = io.WriteString(w, "0123456789")
		default:
			http.Error(w, "down", http.StatusBadGateway)
		}
	}))
	defer server.Close()
	clock := NewClock()
	eyeballs := NewEyeballs(2, strings.TrimPrefix(server.URL, "https://"), nil, clock, 5*time.Second)
	defer eyeballs.Close()
	for _, c := range eyeballs.clients {
		c.Transport.(*http.Transport).TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		c.Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com"
	}
	run := func(ask Ask, n int) []results.Sample {
		samples, scheduled, dropped := Closed{Workers: 2, Count: n, Clock: clock}.Run(context.Background(), eyeballs.Request(ask))
		require.NoError(t, Check(samples, scheduled, dropped))
		return samples
	}

	for _, s := range run(Ask{Hosts: []string{"a", "b"}, Path: "/ten", Down: 10}, 8) {
		assert.Empty(t, s.Class, s.Detail)
		assert.EqualValues(t, 10, s.Down)
		assert.NotZero(t, s.First)
	}
	assert.Equal(t, map[string]int{"a": 4, "b": 4}, hosts, "hosts are taken in turn")
	assert.Equal(t, results.ClassBody, run(Ask{Hosts: []string{"a"}, Path: "/ten", Down: 11}, 1)[0].Class)
	assert.Equal(t, results.ClassApplication, run(Ask{Hosts: []string{"a"}, Path: "/none", Down: 1}, 1)[0].Class)
	up := run(Ask{Hosts: []string{"a"}, Path: "/sink", Up: 100_000}, 1)[0]
	assert.Empty(t, up.Class, up.Detail)
	assert.EqualValues(t, 100_000, up.Up, "as the origin counted it")
	assert.Equal(t, results.ClassBody, run(Ask{Hosts: []string{"a"}, Path: "/leaky", Up: 100_000}, 1)[0].Class)

	server.Close()
	assert.Equal(t, results.ClassRefused, run(Ask{Hosts: []string{"a"}, Path: "/ten"}, 1)[0].Class)
}
