package link_test

import (
	"context"
	"crypto/tls"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/tunnel/ca"
)

// needMarks skips a test where quic-go does not mark packets.
func needMarks(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_ECN", "0")
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "1") // there is no kernel's buffer
	if err := link.MarkingUnsupported(); err != nil {
		t.Skip(err)
	}
}

// verdicts hears what an end concludes about a path's ECN.
type verdicts struct {
	mu  sync.Mutex
	all []string
}

func (v *verdicts) tracer(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return v }
func (v *verdicts) AddProducer() qlogwriter.Recorder                                 { return v }
func (v *verdicts) Close() error                                                     { return nil }
func (v *verdicts) RecordEvent(e qlogwriter.Event) {
	if s, ok := e.(qlog.ECNStateUpdated); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.all = append(v.all, string(s.State)+": "+s.Trigger)
	}
}

func (v *verdicts) last() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.all) == 0 {
		return ""
	}
	return v.all[len(v.all)-1]
}

// What quic-go makes of a path's ECN, by what is done to the marks. It connects and transfers in any case: where marked
// packets vanish, it goes on without marks when the ten that it tries are lost.
func TestECN(t *testing.T) {
	needMarks(t)
	authority, err := ca.New("")
	require.NoError(t, err)
	const rtt = 2 * oneWay
	for _, c := range []struct {
		name    string
		path    link.Path
		verdict string
		seen    []link.ECN // of the client's 1-RTT packets that were marked
		waits   bool
	}{
		{"kept", link.Path{ECN: true}, "capable: ", []link.ECN{link.ECT0}, false},
		{"cleared", link.Path{Middleboxes: []link.Middlebox{link.ClearECN()}}, "failed: ACK doesn't contain ECN marks", []link.ECN{link.NotECT}, false},
		{"mangled", link.Path{Middleboxes: []link.Middlebox{link.MangleECN()}}, "failed: ECN mangling detected", []link.ECN{link.CE}, false},
		{"dropped", link.Path{Middleboxes: []link.Middlebox{link.BlockECN()}}, "failed: all ECN testing packets declared lost", nil, true},
		{"none", link.Path{}, "", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.path.Up.Delay, c.path.Down.Delay = oneWay, oneWay
				v := &verdicts{}
				took, events := echo(t, authority, c.path, v)
				assert.Equal(t, c.verdict, v.last())
				var seen []link.ECN
				for _, e := range events {
					assert.LessOrEqual(t, e.Size, 1252, "what quic-go gives to the socket at once leaves as datagrams")
					if e.ECN == link.NotECT {
						continue
					}
					assert.True(t, e.Packets.Has(link.OneRTT), "long headers are not marked: %+v", e)
					if e.Dir == link.Up && e.Fate == link.Delivered && !slices.Contains(seen, e.Seen) {
						seen = append(seen, e.Seen)
					}
				}
				assert.Equal(t, c.seen, seen)
				if c.waits {
					assert.Greater(t, took, 5*rtt, "until the ten are declared lost and sent again")
				} else {
					assert.Less(t, took, 3*rtt)
				}
			})
		})
	}
}

// echo sends 100 kB to and fro, and returns how long that took after the handshake, which marks nothing.
func echo(t *testing.T, authority *ca.CA, p link.Path, v *verdicts) (time.Duration, []link.Event) {
	client, server, rec := link.Connect(p, link.Schedule{}, clientAddr, serverAddr)
	defer client.Close()
	defer server.Close()
	here, there := &quic.Transport{Conn: client}, &quic.Transport{Conn: server}
	defer here.Close()
	defer there.Close()
	config := &quic.Config{InitialPacketSize: 1252, MaxIdleTimeout: time.Minute, DisablePathMTUDiscovery: true}
	l, err := there.Listen(&tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, NextProtos: []string{alpn}, Time: certificateTime}, config)
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		if s, err := c.AcceptStream(context.Background()); err == nil {
			_, _ = io.Copy(s, s)
			_ = s.Close()
		}
	}()
	config = config.Clone()
	config.Tracer = v.tracer
	start := time.Now()
	c, err := here.Dial(context.Background(), serverAddr,
		&tls.Config{RootCAs: authority.Pool(), ServerName: "quic.cftunnel.com", NextProtos: []string{alpn}, Time: certificateTime}, config)
	require.NoError(t, err)
	require.Equal(t, p.RTT(), time.Since(start).Round(time.Millisecond), "a handshake's packets are not marked")
	start = time.Now()
	s, err := c.OpenStreamSync(context.Background())
	require.NoError(t, err)
	go func() { _, _ = s.Write(make([]byte, 100_000)); _ = s.Close() }()
	body, err := io.ReadAll(s)
	require.NoError(t, err)
	require.Len(t, body, 100_000)
	took := time.Since(start)
	time.Sleep(time.Second)
	require.NoError(t, c.CloseWithError(0, ""))
	time.Sleep(5 * time.Second)
	return took, rec.Events()
}
