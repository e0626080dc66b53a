package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

// signalling tells when the head of a response arrives.
type signalling struct {
	*httptest.ResponseRecorder
	head chan struct{}
}

func (s signalling) WriteHeader(status int) {
	s.ResponseRecorder.WriteHeader(status)
	close(s.head)
}

// head is a response head with a status and nothing else.
func head(t *testing.T, status string) []byte {
	enc := wire.BeginResponse(nil, "", 1)
	enc.Add("", wire.KeyStatus, status)
	b, err := enc.Finish()
	require.NoError(t, err)
	return b
}

// A connection is lost with two requests on it: the one without a head is a
// 502, the other is cut; both at once, and those that follow go elsewhere.
func TestALostConnectionFailsItsOwnRequests(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	host := "http://" + id.String() + tunnel.HostSuffix + "/"
	lost, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, lost, id).Close()

	refused := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, host, http.NoBody))
		refused <- w.Code
	}()
	_, err = lost.AcceptStream(t.Context()) // and no answer
	require.NoError(t, err)
	cut, arrived := make(chan any), make(chan struct{})
	go func() {
		defer func() { cut <- recover() }()
		e.ServeHTTP(signalling{httptest.NewRecorder(), arrived}, httptest.NewRequest(http.MethodGet, host, http.NoBody))
	}()
	stream, err := lost.AcceptStream(t.Context())
	require.NoError(t, err)
	_, err = stream.Write(head(t, "200"))
	require.NoError(t, err)
	<-arrived

	kept, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, kept, id).Close()
	go serveEmpty(kept, head(t, "204"))
	require.Equal(t, 2, e.Connections(id))
	require.NoError(t, lost.CloseWithError(0, ""))
	require.Equal(t, http.StatusBadGateway, <-refused)
	require.Equal(t, http.ErrAbortHandler, <-cut)
	for range 4 {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, host, http.NoBody))
		require.Equal(t, http.StatusNoContent, w.Code, "not even before its goroutine has noticed")
	}
	require.Eventually(t, func() bool { return e.Connections(id) == 1 }, patience, time.Millisecond)
	stats := e.Stats()
	require.EqualValues(t, 1, stats.BadGateways)
	require.EqualValues(t, 1, stats.Aborted)
	require.Zero(t, stats.InFlight)
	require.EqualValues(t, 6, stats.Requests)
}

// serveEmpty answers every stream of a connection with a head.
func serveEmpty(c *quic.Conn, head []byte) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		_, _ = s.Write(head)
		_ = s.Close()
		s.CancelRead(0)
	}
}

// A connector may have so many streams open and no more, so what they hold is bounded.
func TestAFloodOfStreamsIsLimited(t *testing.T) {
	e := listen(t, uuid.New())
	c, err := dial(t, e)
	require.NoError(t, err)
	for range tunnel.EdgeStreamLimit {
		_, err := c.OpenStream()
		require.NoError(t, err)
	}
	_, err = c.OpenStream()
	var limit *quic.StreamLimitReachedError
	require.ErrorAs(t, err, &limit)
	_, err = c.OpenUniStream()
	require.ErrorAs(t, err, &limit)
}
