package connector

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// OriginRequest is how a service is spoken to: what users have most of cloudflared's originRequest, by the same names.
// The zero value is the default.
type OriginRequest struct {
	// ConnectTimeout bounds a dial; default 30 s.
	ConnectTimeout time.Duration
	// TLSTimeout bounds a TLS handshake; default 10 s.
	TLSTimeout time.Duration
	// TCPKeepAlive is the period of TCP's probes; default 30 s, negative: none.
	TCPKeepAlive time.Duration
	// NoHappyEyeballs tries a host's addresses one after the other.
	NoHappyEyeballs bool
	// KeepAliveConnections is how many unused connections are kept; default 1000, where cloudflared has 100: an
	// origin behind a busy tunnel would see the rest dialled anew for every request.
	KeepAliveConnections int
	// KeepAliveTimeout is how long an unused connection is kept; default 90 s.
	KeepAliveTimeout time.Duration
	// HTTPHostHeader replaces the Host field, which then crosses as X-Forwarded-Host.
	HTTPHostHeader string
	// OriginServerName is the name expected in the origin's certificate; default the service's host.
	OriginServerName string
	// CAPool is a file of PEM certificates that are trusted besides the system's.
	CAPool string
	// NoTLSVerify accepts any certificate.
	NoTLSVerify bool
	// HTTP2Origin offers HTTP/2 to an https service.
	HTTP2Origin bool
}

// Defaults of cloudflared 2026.8.2 (ingress/config.go), but for the first.
const (
	keepAliveConnections = 1000
	keepAliveTimeout     = 90 * time.Second
	connectTimeout       = 30 * time.Second
	tlsTimeout           = 10 * time.Second
	tcpKeepAlive         = 30 * time.Second
)

func (o OriginRequest) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: or(o.ConnectTimeout, connectTimeout), KeepAlive: or(o.TCPKeepAlive, tcpKeepAlive)}
	if o.NoHappyEyeballs {
		d.FallbackDelay = -1
	}
	return d
}

// transport is net/http's. It neither asks for compression nor undoes it: what the origin sent is what the eyeball gets.
func (o OriginRequest) transport(dial func(context.Context, string, string) (net.Conn, error)) (*http.Transport, error) {
	roots, err := o.roots()
	if err != nil {
		return nil, err
	}
	idle := or(o.KeepAliveConnections, keepAliveConnections)
	return &http.Transport{
		DialContext:           dial,
		TLSClientConfig:       &tls.Config{RootCAs: roots, ServerName: o.OriginServerName, InsecureSkipVerify: o.NoTLSVerify},
		MaxIdleConns:          idle,
		MaxIdleConnsPerHost:   idle,
		IdleConnTimeout:       or(o.KeepAliveTimeout, keepAliveTimeout),
		TLSHandshakeTimeout:   or(o.TLSTimeout, tlsTimeout),
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		ForceAttemptHTTP2:     o.HTTP2Origin,
		ReadBufferSize:        16 << 10,
		WriteBufferSize:       16 << 10,
	}, nil
}

// roots are nil, the system's, without a pool of one's own.
func (o OriginRequest) roots() (*x509.CertPool, error) {
	if o.CAPool == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.CAPool)
	if err != nil {
		return nil, fmt.Errorf("caPool: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without one
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caPool %s holds no PEM certificate", o.CAPool)
	}
	return roots, nil
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
