package connector

import (
	"crypto/tls"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/tunnel"
)

const patience = 20 * time.Second

func config(edges ...net.Addr) Config {
	return Config{
		Edges: edges, Connections: 1,
		Origin:      &url.URL{Scheme: "http", Host: "127.0.0.1:1"},
		Credentials: tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()},
		Dialer:      &Dialer{TLS: &tls.Config{InsecureSkipVerify: true}},
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	edge := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	tests := map[string]func(*Config){
		"edge":                func(c *Config) { c.Edges = nil },
		"origin":              func(c *Config) { c.Origin = nil },
		"http or https":       func(c *Config) { c.Origin = &url.URL{Scheme: "ftp", Host: "h"} },
		"Dialer":              func(c *Config) { c.Dialer = nil },
		"Dialer.TLS":          func(c *Config) { c.Dialer = &Dialer{} },
		"257 connections":     func(c *Config) { c.Connections = 257 },
		"tunnel secret":       func(c *Config) { c.Credentials.TunnelSecret = nil },
		"initial packet size": func(c *Config) { c.Dialer.QUIC.InitialPacketSize = 9 },
		"15 retries":          func(c *Config) { c.Retries = 15 },
		"rpc time-out":        func(c *Config) { c.RPCTimeout = -1 },
		"unknown compat":      func(c *Config) { c.PostQuantum.Compat = "2023" },
		"unknown policy":      func(c *Config) { c.PostQuantum.Policy = "strickt" },
		"own groups":          func(c *Config) { c.PostQuantum.Policy = kex.Strict },
		"secp256r1 is on offer": func(c *Config) {
			c.PostQuantum.Policy = kex.Strict
			c.Dialer.TLS.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}
		},
	}
	for want, spoil := range tests {
		cfg := config(edge)
		spoil(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestGaugeIsIdleAtZero(t *testing.T) {
	g := &gauge{}
	idle := func() bool {
		select {
		case <-g.idle():
			return true
		default:
			return false
		}
	}
	for range 3 {
		require.True(t, idle())
		g.add(1)
		require.False(t, idle())
		g.add(1)
		zero := g.idle()
		g.add(-1)
		require.False(t, idle())
		select {
		case <-zero:
			t.Fatal("one is still in flight")
		default:
		}
		g.add(-1)
		<-zero
	}
	require.True(t, idle())
}
