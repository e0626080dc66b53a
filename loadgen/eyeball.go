package loadgen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"pqbench/results"
)

// Eyeballs are visitors: keep-alive HTTPS clients that enter at the edge. The eyeball's own TLS is a fixed classical
// one (TLS 1.3 over TCP, X25519), set up once per client, so that it adds the same to every arm.
type Eyeballs struct {
	clients []*http.Client
	edge    string
	clock   Clock
	timeout time.Duration
}

// NewEyeballs makes n clients that send to the edge's eyeball listener at addr, whatever host they ask for.
func NewEyeballs(n int, addr string, roots *x509.CertPool, clock Clock, timeout time.Duration) *Eyeballs {
	e := &Eyeballs{edge: addr, clock: clock, timeout: timeout}
	var dialer net.Dialer
	for range n {
		e.clients = append(e.clients, &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, addr)
			},
			TLSClientConfig: &tls.Config{
				RootCAs: roots, MinVersion: tls.VersionTLS13,
				CurvePreferences: []tls.CurveID{tls.X25519}, ServerName: "localhost",
			},
			DisableCompression:  true, // body bytes are counted as asked
			MaxIdleConnsPerHost: 1,
			ReadBufferSize:      64 << 10,
			WriteBufferSize:     64 << 10,
		}})
	}
	return e
}

// Close ends the kept connections.
func (e *Eyeballs) Close() {
	for _, c := range e.clients {
		c.CloseIdleConnections()
	}
}

// Ask is what a request asks for, and what its answer must look like.
type Ask struct {
	Hosts []string // host names, taken in turn
	Path  string
	// Down is the size of the answer's body; Up is how many bytes are sent, zero for a GET.
	Down, Up int64
}

// Request is the unit of load that asks for a path and reads the whole answer.
func (e *Eyeballs) Request(ask Ask) Unit {
	var turn atomic.Uint64
	return func(ctx context.Context, worker int, s *results.Sample) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.timeout)
		defer cancel()
		host := ask.Hosts[turn.Add(1)%uint64(len(ask.Hosts))]
		err := e.one(ctx, e.clients[worker], host, ask, s)
		s.Completed = e.clock.Now()
		if err != nil && s.Class == "" {
			Fail(s, err)
		}
	}
}

func (e *Eyeballs) one(ctx context.Context, client *http.Client, host string, ask Ask, s *results.Sample) error {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { s.First = e.clock.Now() },
	})
	method, body := http.MethodGet, io.Reader(nil)
	if ask.Up > 0 {
		method, body = http.MethodPost, io.LimitReader(zeros{}, ask.Up)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+e.edge+ask.Path, body)
	if err != nil {
		return err
	}
	req.Host = host
	req.ContentLength = ask.Up
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var arrived sunk
	answer := io.Writer(io.Discard)
	if ask.Up > 0 {
		answer = &arrived
	}
	s.Down, err = io.Copy(answer, resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		s.Class, s.Detail = results.ClassApplication, resp.Status
	case ask.Down > 0 && s.Down != ask.Down:
		s.Class, s.Detail = results.ClassBody, fmt.Sprintf("got %d bytes of body, want %d", s.Down, ask.Down)
	case ask.Up > 0:
		if s.Up = arrived.bytes(); s.Up != ask.Up {
			s.Class, s.Detail = results.ClassBody, fmt.Sprintf("%d bytes of body arrived at the origin, want %d", s.Up, ask.Up)
		}
	}
	return nil
}

// sunk is the origin's answer to an upload, {"bytes":n}: how much of the body arrived.
type sunk struct{ text []byte }

// sunkLimit is more than such an answer ever has.
const sunkLimit = 256

func (a *sunk) Write(b []byte) (int, error) {
	a.text = append(a.text, b[:min(len(b), sunkLimit-len(a.text))]...)
	return len(b), nil
}

// bytes is the number in the answer; -1 when it is not one.
func (a *sunk) bytes() int64 {
	answer := struct {
		Bytes int64 `json:"bytes"`
	}{-1}
	if err := json.Unmarshal(a.text, &answer); err != nil {
		return -1
	}
	return answer.Bytes
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
