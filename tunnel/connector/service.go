package connector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/http1"
)

// service is where a rule's requests go.
type service struct {
	scheme, host string // of the requests' URLs: http or https
	prefix       *url.URL
	hostHeader   string
	transport    http.RoundTripper
	status       int // answered instead of asking anybody; 0: ask
}

// newService reads the notation of cloudflared's ingress rules.
func newService(text string, o OriginRequest) (*service, error) {
	if kind, rest, ok := strings.Cut(text, ":"); ok {
		switch kind {
		case "http_status":
			return statusService(rest)
		case "unix":
			return socketService("http", rest, o)
		case "unix+tls":
			return socketService("https", rest, o)
		}
	}
	switch text {
	case "":
		return nil, errors.New("service is missing: give a URL such as http://localhost:8080")
	case "hello_world", "hello-world", "bastion", "socks-proxy":
		return nil, fmt.Errorf("service %q is not provided: run it by itself and give its URL", text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		return nil, errors.New("service is no URL with a scheme and a host")
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("service has more than a scheme, a host and a port: the path is always the request's")
	}
	return newURLService(u, o)
}

// newURLService serves a URL's scheme and host.
func newURLService(u *url.URL, o OriginRequest) (*service, error) {
	s := &service{scheme: u.Scheme, host: u.Host}
	switch u.Scheme {
	case "http", "https":
	case "ws":
		s.scheme = "http"
	case "wss":
		s.scheme = "https"
	default:
		return nil, fmt.Errorf("services of scheme %q are not provided: want http, https, ws, wss, unix, unix+tls or http_status", u.Scheme)
	}
	return s, s.connect(o, o.dialer().DialContext)
}

func statusService(text string) (*service, error) {
	status, err := strconv.Atoi(text)
	if err != nil || status < 200 || status > 999 {
		return nil, fmt.Errorf("status %q: want a final one, 200 to 999", text)
	}
	return &service{status: status}, nil
}

// socketService serves a Unix socket. Its URLs have a host of no meaning, which only the pool of connections sees.
func socketService(scheme, path string, o OriginRequest) (*service, error) {
	if path == "" {
		return nil, errors.New("the socket has no path: give unix:/path/to/socket")
	}
	s := &service{scheme: scheme, host: "localhost"}
	return s, s.connect(o, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return o.dialer().DialContext(ctx, "unix", path)
	})
}

// connect chooses the client: a lean one in the clear, net/http's behind TLS.
func (s *service) connect(o OriginRequest, dial func(context.Context, string, string) (net.Conn, error)) (err error) {
	if o.HTTPHostHeader != "" && !field.ValidHost(o.HTTPHostHeader) {
		return fmt.Errorf("httpHostHeader %q is no host", o.HTTPHostHeader)
	}
	s.hostHeader = o.HTTPHostHeader
	if s.scheme == "https" {
		s.transport, err = o.transport(dial)
		return err
	}
	address := s.host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(s.host, "[]"), "80")
	}
	s.transport = &http1.Client{
		Dial:        func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) },
		MaxIdle:     or(o.KeepAliveConnections, keepAliveConnections),
		IdleTimeout: or(o.KeepAliveTimeout, keepAliveTimeout),
	}
	return nil
}

// target turns an eyeball's URL into the service's: the path and query stay, everything before them is replaced.
func (s *service) target(u *url.URL) {
	u.Scheme, u.Host, u.User = s.scheme, s.host, nil
	if s.prefix == nil {
		return
	}
	// Joined as they are: cleaning would change what the eyeball asked for.
	if prefix := strings.TrimRight(s.prefix.EscapedPath(), "/"); prefix != "" {
		u.RawPath = prefix + u.EscapedPath()
		u.Path = strings.TrimRight(s.prefix.Path, "/") + u.Path
	}
}

// address completes a request that is otherwise ready.
func (s *service) address(req *http.Request) {
	s.target(req.URL)
	if s.hostHeader != "" {
		req.Header["X-Forwarded-Host"] = []string{req.Host} // as cloudflared does
		req.Host = s.hostHeader
	}
}

func (s *service) closeIdle() {
	if t, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
