package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"time"

	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

// tunnel brings a whole tunnel up and sends the first requests through it, one after the other.
func (x *trial) tunnel(ctx context.Context, e *edge.Edge, socket net.PacketConn) {
	dialer, err := x.dialer()
	if err != nil {
		x.result.Class, x.result.Detail = "other", err.Error()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience+x.job.Cell.Silence)
	defer cancel()
	x.stop = cancel
	c, err := connector.New(connector.Config{
		Edges: []net.Addr{serverAddr}, Credentials: creds, Connections: 1, GracePeriod: -1,
		Origin: &url.URL{Scheme: "http", Host: "origin"}, Transport: inProcess{origin.New()},
		Dialer: dialer, ListenPacket: func() (net.PacketConn, error) { return socket, nil },
		Trace: &tunnel.Trace{Registered: func(r tunnel.Registration) {
			if r.Err == nil {
				x.result.Registrations++
			} else if x.result.Class == "" && x.result.Registered == 0 {
				x.result.Detail = r.Err.Error()
				x.stop() // as after a handshake that failed
			}
			if r.Err == nil && x.result.Class == "" && x.result.Registered == 0 {
				x.result.Registered = (r.Done.Sub(x.record.Start) - x.start).Round(resolution)
			}
		}},
	})
	if err != nil {
		x.result.Class, x.result.Detail = "other", err.Error()
		return
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Run(ctx) }()
	if err := c.Ready(ctx); err == nil && x.result.Class == "" && x.result.Registered > 0 {
		time.Sleep(x.job.Cell.Silence)
		for _, size := range x.job.Requests {
			x.result.Answers = append(x.result.Answers, x.request(ctx, e, size))
		}
	}
	cancel()
	<-ended
}

// request asks for so many bytes at the edge. What goes wrong leaves its times 0.
func (x *trial) request(ctx context.Context, e *edge.Edge, size int) Answer {
	tick()
	r := httptest.NewRequest(http.MethodGet, "/bytes/"+strconv.Itoa(size), nil).WithContext(ctx)
	r.Host = creds.TunnelID.String() + tunnel.HostSuffix
	w := &stopwatch{header: http.Header{}, start: time.Now()}
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		e.ServeHTTP(w, r)
	}()
	a := Answer{Size: size}
	if w.status == http.StatusOK && w.n == size {
		a.First, a.Last = w.first.Round(resolution), w.last.Round(resolution)
	}
	return a
}

// stopwatch is an eyeball that notes when the first and the last byte of a body came.
type stopwatch struct {
	header      http.Header
	status, n   int
	start       time.Time
	first, last time.Duration
}

func (w *stopwatch) Header() http.Header { return w.header }
func (w *stopwatch) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
func (w *stopwatch) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.last = time.Since(w.start)
	if w.n == 0 {
		w.first = w.last
	}
	w.n += len(b)
	return len(b), nil
}
func (w *stopwatch) Flush() {}

// inProcess is an origin without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	tick()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, errors.Join(err, r.Body.Close())
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}
