package edge

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// A holder that takes an upload and says nothing is left in time, with the
// body untouched; so is one that does not even read, and an eyeball that
// leaves is not kept.
func TestAHolderThatSaysNothingIsLeft(t *testing.T) {
	relay, made := relayCA(t), time.Now() // the bubble's clock begins in the year 2000
	synctest.Test(t, func(t *testing.T) {
		network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
		endpoint := func(n byte) net.PacketConn {
			return network.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, n), Port: 1}, simnet.NodeBiDiLinkSettings{Latency: time.Millisecond})
		}
		here, mine, theirs := endpoint(1), endpoint(2), endpoint(3)
		require.NoError(t, network.Start())
		defer network.Close()
		id := uuid.New()
		conf := relayTLS(relay)
		conf.Time = func() time.Time { return made }
		peer := &quic.Transport{Conn: theirs}
		defer peer.Close()
		l, err := peer.Listen(asPeer(conf), &quic.Config{})
		require.NoError(t, err)
		go func() {
			if qc, err := l.Accept(t.Context()); err == nil {
				s, _ := qc.OpenUniStream()
				_, _ = s.Write(announcing(id))
			}
		}()
		e, err := Listen(Config{
			TLS: conf, PacketConn: here, Routes: map[string]uuid.UUID{"app": id},
			Authorize: func(string, uuid.UUID) ([]byte, bool) { return nil, false },
			Relay:     &RelayConfig{TLS: conf, PacketConn: mine, Peers: []Peer{{"mute", theirs.LocalAddr()}}},
		})
		require.NoError(t, err)
		for !up(e)() {
			time.Sleep(time.Millisecond)
		}
		start := time.Now()
		body := strings.NewReader("body")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://app/", body))
		require.Equal(t, http.StatusBadGateway, w.Code)
		require.Equal(t, tunnel.RPCTimeout, time.Since(start))
		require.Equal(t, 4, body.Len(), "not read")
		require.EqualValues(t, 1, e.Stats().RelayFailures)

		for _, method := range []string{http.MethodPost, http.MethodGet} {
			start = time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r := httptest.NewRequest(method, "http://app/", http.NoBody).WithContext(ctx)
			if method == http.MethodPost {
				r.ContentLength = -1
			}
			e.ServeHTTP(httptest.NewRecorder(), r)
			cancel()
			require.Equal(t, time.Second, time.Since(start), method)
		}
		require.NoError(t, e.Close(context.Background()))
		require.NoError(t, l.Close())
	})
}

// asPeer is the config of a data center's relay listener.
func asPeer(conf *tls.Config) *tls.Config {
	conf = conf.Clone()
	conf.NextProtos, conf.ClientCAs, conf.ClientAuth = []string{tunnel.RelayALPN}, conf.RootCAs, tls.RequireAndVerifyClientCert
	return conf
}
