package endtoend

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
)

// The tunnel is in FRA; requests enter everywhere.
func TestRequestsEnterAnywhere(t *testing.T) {
	checkLeaks(t)
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA", "LHR")
	defer m.close()
	defer m.connect(nil, nil, "FRA", "FRA")()
	m.settled(map[string]int{"FRA": 1})
	big := strings.Repeat("0123456789abcdef", bulk/16)
	for place, c := range m.colos {
		via := "FRA"
		if place == "FRA" {
			via = ""
		}
		for _, test := range []struct{ name, method, target, body, want string }{
			{name: "get", method: "GET", target: "/bytes/100", want: string(content(100))},
			{name: "post", method: "POST", target: "/echo", body: "hello", want: "hello"},
			{name: "5 MiB down", method: "GET", target: fmt.Sprintf("/bytes/%d", bulk), want: string(content(bulk))},
			{name: "5 MiB both ways", method: "POST", target: "/echo", body: big, want: big},
			{name: "5 MiB up", method: "POST", target: "/sink", body: big, want: fmt.Sprintf(`{"bytes":%d}`, bulk)},
		} {
			t.Run(place+" "+test.name, func(t *testing.T) {
				w := m.ask(place, httptest.NewRequest(test.method, test.target, strings.NewReader(test.body)))
				require.Equal(t, http.StatusOK, w.Code)
				require.True(t, test.want == w.Body.String(), "%d bytes", w.Body.Len())
				r := receive(t, c.requests)
				require.NoError(t, r.Err)
				require.Equal(t, via, r.Via)
				require.Equal(t, m.creds.TunnelID, r.Tunnel)
				require.EqualValues(t, len(test.body), r.BytesUp)
				require.EqualValues(t, len(test.want), r.BytesDown)
			})
		}
	}
	ams, fra := m.colos["AMS"].Stats(), m.colos["FRA"].Stats()
	require.EqualValues(t, 5, ams.Requests)
	require.EqualValues(t, 5, ams.RelayedOut)
	require.Zero(t, ams.RelayedIn+ams.RelayFailures+ams.BadGateways)
	require.EqualValues(t, 5, fra.Requests, "its own eyeballs'")
	require.EqualValues(t, 10, fra.RelayedIn)
	require.Zero(t, fra.RelayedOut)
}

func content(n int) []byte {
	w := httptest.NewRecorder()
	origin.New().ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/bytes/%d", n), nil))
	return w.Body.Bytes()
}

func TestRequestsFollowATunnelThatMoves(t *testing.T) {
	checkLeaks(t)
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA", "LHR")
	defer m.close()
	for _, place := range []string{"FRA", "LHR", "AMS", "FRA"} {
		stop := m.connect(nil, nil, place)
		m.settled(map[string]int{place: 1})
		require.Equal(t, http.StatusOK, m.get("AMS", "/bytes/1").Code)
		via := receive(t, m.colos["AMS"].requests).Via
		require.Equal(t, place, map[bool]string{true: "AMS", false: via}[via == ""])
		stop()
		m.settled(nil)
		require.Equal(t, http.StatusBadGateway, m.get("AMS", "/bytes/1").Code)
		require.ErrorIs(t, receive(t, m.colos["AMS"].requests).Err, tunnel.ErrNoConnection)
	}
}

// Own connections come first; those of peers take turns.
func TestRelayedLoadIsSpread(t *testing.T) {
	checkLeaks(t)
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA", "LHR")
	defer m.close()
	defer m.connect(nil, nil, "FRA", "LHR")()
	m.settled(map[string]int{"FRA": 1, "LHR": 1})
	spread := map[string]int{}
	for range 8 {
		require.Equal(t, http.StatusOK, m.get("AMS", "/bytes/1").Code)
		spread[receive(t, m.colos["AMS"].requests).Via]++
		require.Equal(t, http.StatusOK, m.get("FRA", "/bytes/1").Code)
		require.Empty(t, receive(t, m.colos["FRA"].requests).Via)
	}
	require.Equal(t, map[string]int{"FRA": 4, "LHR": 4}, spread)
}

// A holder that closes finishes what is in flight, and is asked for no more.
func TestAClosingHolderFinishesItsRelayedRequests(t *testing.T) {
	checkLeaks(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA", "LHR")
	defer m.close()
	defer m.connect(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-leave
		}
		_, _ = w.Write([]byte("whole"))
	}), "FRA", "LHR")()
	m.settled(map[string]int{"FRA": 1, "LHR": 1})

	slow := make(chan *httptest.ResponseRecorder, 2)
	for range 2 { // one by each holder
		go func() { slow <- m.get("AMS", "/slow") }()
		receive(t, entered)
	}
	closed := make(chan error, 1)
	go func() { closed <- m.colos["FRA"].Close(context.Background()) }()
	m.eventually(func() bool {
		for _, p := range m.colos["AMS"].Peers() {
			if p.Name == "FRA" {
				return p.Tunnels == 0
			}
		}
		return false
	})
	for range 4 {
		require.Equal(t, http.StatusOK, m.get("AMS", "/").Code)
		require.Equal(t, "LHR", receive(t, m.colos["AMS"].requests).Via)
	}
	close(leave)
	require.NoError(t, receive(t, closed))
	for range 2 {
		w := receive(t, slow)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "whole", w.Body.String())
	}
	require.Zero(t, m.colos["AMS"].Stats().RelayFailures)
}

// What either end resets or stops reaches the other end.
func TestEndsOfARelayedStreamPassThrough(t *testing.T) {
	checkLeaks(t)
	entered, left, arrived := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA")
	defer m.close()
	defer m.connect(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			entered <- struct{}{}
			<-r.Context().Done()
			left <- struct{}{}
		case "/die":
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			<-arrived // a reset may overtake what was sent before
			panic(http.ErrAbortHandler)
		case "/early":
			w.WriteHeader(http.StatusForbidden)
		}
	}), "FRA")()
	m.settled(map[string]int{"FRA": 1})

	t.Run("an eyeball that leaves ends the origin's work", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.ask("AMS", httptest.NewRequest(http.MethodGet, "/hang", http.NoBody).WithContext(ctx))
		}()
		receive(t, entered)
		leave()
		receive(t, left)
		receive(t, done)
	})
	t.Run("an origin that dies aborts the eyeball", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/die", http.NoBody)
		r.Host = m.creds.TunnelID.String() + tunnel.HostSuffix
		eyeball := &watched{httptest.NewRecorder(), arrived}
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { m.colos["AMS"].ServeHTTP(eyeball, r) })
		require.Equal(t, "half", eyeball.Body.String())
	})
	t.Run("an early answer ends the upload", func(t *testing.T) {
		body, feed := io.Pipe()
		go func() {
			for _, err := feed.Write(make([]byte, 1<<16)); err == nil; _, err = feed.Write(make([]byte, 1<<16)) {
			}
		}()
		defer body.Close()
		w := m.ask("AMS", httptest.NewRequest(http.MethodPost, "/early", body))
		require.Equal(t, http.StatusForbidden, w.Code)
	})
	require.EqualValues(t, 1, m.colos["AMS"].Stats().Aborted)
	require.Zero(t, m.colos["AMS"].Stats().RelayFailures, "the link is not to blame")
}

// watched tells when body bytes arrive.
type watched struct {
	*httptest.ResponseRecorder
	arrived chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	defer func() { w.arrived <- struct{}{} }()
	return w.ResponseRecorder.Write(p)
}
