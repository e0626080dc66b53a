package endtoend

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
)

// wire is a simulated network between the data centers, where links between
// relay sockets can be cut.
type wire struct {
	simnet.PerfectRouter
	cut atomic.Bool
}

// relayPort tells the relay's sockets from the tunnel's.
const relayPort = tunnel.DefaultPort + 1

func (w *wire) SendPacket(p simnet.Packet) error {
	if w.cut.Load() && p.To.(*net.UDPAddr).Port == relayPort {
		return nil // lost
	}
	return w.PerfectRouter.SendPacket(p)
}

// virtualMesh runs a test in virtual time, over three data centers with the
// tunnel in FRA and one connection.
func virtualMesh(t *testing.T, o http.Handler, test func(t *testing.T, m *mesh, net *wire)) {
	_, _ = authorities()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		network := &simnet.Simnet{Router: w}
		places := []string{"AMS", "FRA", "LHR"}
		last := byte(0)
		endpoint := func(port int) net.PacketConn {
			return network.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, last), Port: port}, simnet.NodeBiDiLinkSettings{Latency: oneWay})
		}
		held := make(map[string][2]net.PacketConn)
		for _, place := range places {
			last++
			held[place] = [2]net.PacketConn{endpoint(tunnel.DefaultPort), endpoint(relayPort)}
		}
		last++
		here := endpoint(tunnel.DefaultPort)
		require.NoError(t, network.Start())
		defer network.Close()
		m := newMesh(t, func(place string) (net.PacketConn, net.PacketConn) { return held[place][0], held[place][1] }, places...)
		defer m.close()
		defer m.connect(func() (net.PacketConn, error) { return here, nil }, o, "FRA")()
		m.settled(map[string]int{"FRA": 1})
		test(t, m, w)
	})
}

// A relayed request costs one round trip between the data centers and one to
// the connector; an upload waits one more for the holder's word.
func TestRoundTripsOfARelayedRequest(t *testing.T) {
	virtualMesh(t, nil, func(t *testing.T, m *mesh, _ *wire) {
		start := time.Now()
		require.Equal(t, http.StatusOK, m.get("FRA", "/bytes/500").Code)
		require.Equal(t, 2*oneWay, time.Since(start))
		start = time.Now()
		require.Equal(t, http.StatusOK, m.get("AMS", "/bytes/500").Code)
		require.Equal(t, 4*oneWay, time.Since(start))
		start = time.Now()
		require.Equal(t, http.StatusOK, m.post("AMS", "/echo", "hello").Code)
		require.Equal(t, 6*oneWay, time.Since(start))
	})
}

// A cut link fails what is in flight with 502 within the idle time-out, and
// comes back by itself.
func TestACutLinkFailsItsRequestsAndRecovers(t *testing.T) {
	virtualMesh(t, hanging{origin.New()}, func(t *testing.T, m *mesh, w *wire) {
		codes := make(chan int, 2)
		start := time.Now()
		for range 2 {
			go func() { codes <- m.get("AMS", "/hang").Code }()
		}
		time.Sleep(4 * oneWay)
		w.cut.Store(true)
		for range 2 {
			require.Equal(t, http.StatusBadGateway, <-codes)
		}
		require.LessOrEqual(t, time.Since(start), 4*oneWay+tunnel.MaxIdleTimeout+time.Second)
		synctest.Wait() // what happens at the same instant
		stats := m.colos["AMS"].Stats()
		require.EqualValues(t, 2, stats.RelayFailures)
		require.EqualValues(t, 2, stats.BadGateways)
		require.Zero(t, stats.InFlight)
		require.Equal(t, http.StatusBadGateway, m.get("AMS", "/bytes/1").Code, "at once")
		require.Equal(t, http.StatusOK, m.get("FRA", "/bytes/1").Code, "the tunnel is not to blame")

		time.Sleep(time.Minute)
		require.EqualValues(t, 2, m.colos["AMS"].Stats().RelayFailures)
		w.cut.Store(false)
		m.settled(map[string]int{"FRA": 1})
		require.Equal(t, http.StatusOK, m.get("AMS", "/bytes/1").Code)
	})
}

// hanging answers /hang when nobody wants to know any more.
type hanging struct{ http.Handler }

func (h hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/hang" {
		<-r.Context().Done()
	}
	h.Handler.ServeHTTP(w, r)
}
