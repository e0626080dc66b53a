package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

// ask is a request to an eyeball's server in front of e, answered by
// connector on the stream that the edge opens.
func ask(t *testing.T, e *Edge, id uuid.UUID, c *quic.Conn, method string, connector func(*quic.Stream)) (*http.Response, error) {
	eyeball := httptest.NewServer(e)
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(func() { cancel(); eyeball.Close(); <-done })
	go func() {
		defer close(done)
		if stream, err := c.AcceptStream(ctx); err == nil {
			connector(stream)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, method, eyeball.URL, nil)
	require.NoError(t, err)
	r.Host = id.String() + tunnel.HostSuffix
	resp, err := eyeball.Client().Do(r)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

// answer is a response head.
func answer(t testing.TB, status string, header ...string) []byte {
	enc := wire.BeginResponse(nil, "", 1+len(header)/2)
	enc.Add(wire.KeyStatus, "", status)
	for i := 0; i < len(header); i += 2 {
		enc.Add(wire.KeyHeaderPrefix, header[i], header[i+1])
	}
	head, err := enc.Finish()
	require.NoError(t, err)
	return head
}

// A connector that ends its stream in good order, but early, has cut the body
// as one that resets it has.
func TestBodyShorterThanAnnouncedIsCut(t *testing.T) {
	for _, body := range []string{"", "ok"} {
		t.Run(fmt.Sprintf("%d of 10 bytes", len(body)), func(t *testing.T) {
			id := uuid.New()
			e := listen(t, id)
			requests := make(chan tunnel.Request, 1)
			e.trace.RequestDone = func(r tunnel.Request) { requests <- r }
			c, err := dial(t, e)
			require.NoError(t, err)
			defer register(t, c, id).Close()
			resp, err := ask(t, e, id, c, http.MethodGet, func(s *quic.Stream) {
				_, _ = s.Write(append(answer(t, "200", "Content-Length", "10"), body...))
				_ = s.Close()
			})
			if err == nil { // the head may be out before the cut is seen
				_, err = io.ReadAll(resp.Body)
			}
			require.Error(t, err)
			r := <-requests
			require.ErrorIs(t, r.Err, io.ErrUnexpectedEOF, "it must not count as whole")
			require.EqualValues(t, len(body), r.BytesDown)
			require.EqualValues(t, 1, e.Stats().Aborted)
		})
	}
}

// A response without a body ends when its head has come: a connector that
// goes on sending is told to stop, or its bytes would hold the connection's
// flow-control window for good.
func TestBodyThatNobodyExpectsIsStopped(t *testing.T) {
	tests := []struct {
		method, status string
		header         []string
	}{
		{http.MethodHead, "200", []string{"Content-Length", "10"}},
		{http.MethodHead, "200", nil},
		{http.MethodGet, "204", nil},
		{http.MethodGet, "304", nil},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.status+strings.Join(test.header, " "), func(t *testing.T) {
			id := uuid.New()
			e := listen(t, id)
			c, err := dial(t, e)
			require.NoError(t, err)
			defer register(t, c, id).Close()
			stopped := make(chan error, 1)
			resp, err := ask(t, e, id, c, test.method, func(s *quic.Stream) {
				_ = s.SetWriteDeadline(time.Now().Add(patience))
				_, err := s.Write(answer(t, test.status, test.header...))
				for err == nil {
					_, err = s.Write(make([]byte, 64<<10))
				}
				stopped <- err
			})
			require.NoError(t, err)
			require.Equal(t, test.status, fmt.Sprint(resp.StatusCode))
			if test.header != nil {
				require.Equal(t, test.header[1], resp.Header.Get(test.header[0]))
			}
			var stop *quic.StreamError
			require.ErrorAs(t, <-stopped, &stop)
			require.True(t, stop.Remote)
			require.Zero(t, e.Stats().Aborted+e.Stats().BadGateways)
		})
	}
}

// A response without a body may say how long the body would have been.
func TestLengthOfABodyThatIsNotSentIsKept(t *testing.T) {
	for method, status := range map[string]string{http.MethodHead: "200", http.MethodGet: "304"} {
		id := uuid.New()
		e := listen(t, id)
		c, err := dial(t, e)
		require.NoError(t, err)
		defer register(t, c, id).Close()
		resp, err := ask(t, e, id, c, method, func(s *quic.Stream) {
			_, _ = s.Write(answer(t, status, "Content-Length", "10"))
			_ = s.Close()
		})
		require.NoError(t, err)
		if method == http.MethodHead { // net/http's server says no length with 304
			require.Equal(t, "10", resp.Header.Get("Content-Length"))
		}
		require.Zero(t, e.Stats().Aborted+e.Stats().BadGateways, method)
	}
}

// A head may arrive in any pieces.
func TestResponseHeadInPieces(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	c, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, c, id).Close()
	resp, err := ask(t, e, id, c, http.MethodGet, func(s *quic.Stream) {
		for _, b := range append(answer(t, "200", "X-A", "b"), "body"...) {
			_, _ = s.Write([]byte{b})
		}
		_ = s.Close()
	})
	require.NoError(t, err)
	require.Equal(t, "b", resp.Header.Get("X-A"))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
}

// A connector that resets its stream before an answer, or dies, is a 502.
func TestNoAnswerIs502(t *testing.T) {
	tests := map[string]func(*quic.Conn, *quic.Stream){
		"reset":             func(_ *quic.Conn, s *quic.Stream) { s.CancelWrite(0) },
		"reset and stop":    func(_ *quic.Conn, s *quic.Stream) { s.CancelRead(0); s.CancelWrite(0) },
		"connection closed": func(c *quic.Conn, _ *quic.Stream) { _ = c.CloseWithError(0, "") },
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			id := uuid.New()
			e := listen(t, id)
			c, err := dial(t, e)
			require.NoError(t, err)
			defer register(t, c, id).Close()
			resp, err := ask(t, e, id, c, http.MethodGet, func(s *quic.Stream) { fail(c, s) })
			require.NoError(t, err)
			require.Equal(t, http.StatusBadGateway, resp.StatusCode)
			require.EqualValues(t, 1, e.Stats().BadGateways)
		})
	}
}
