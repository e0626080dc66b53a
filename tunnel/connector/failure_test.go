package connector

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/tunnel"
)

const dialFailed = "Failed to dial a quic connection"

// strict offers hybrids alone.
func strict(compat Compat, report func(tunnel.FailureReport)) func(*Config) {
	return func(cfg *Config) {
		cfg.Dialer.TLS.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
		cfg.PostQuantum = PostQuantum{Compat: compat, Policy: kex.Strict}
		cfg.Report, cfg.Version = report, "1.2.3"
	}
}

// An edge that knows no hybrid refuses. The failure is explained at the first
// dial and every sixth after it, and reported once.
func TestRefusedHandshakesAreExplainedAndReportedOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		var reports []tunnel.FailureReport
		e := w.edge(tls.CurveP256)
		_, stop := w.begin(slotsOf(8, e), strict(Compat2022, func(r tunnel.FailureReport) { w.note(func() { reports = append(reports, r) }) }))
		w.pass(10 * time.Minute)
		require.NoError(w, stop())
		require.Greater(w, len(w.dials), 13)
		want := "failed to dial to edge with quic: CRYPTO_ERROR 0x128 (remote): tls: handshake failure"
		require.Len(w, w.log.with("ERROR "+dialFailed+" connIndex=0 event=0 error="+want), len(w.dials))
		require.Len(w, w.log.with("INFO | The edge could not be reached"), (len(w.dials)+5)/6)
		require.Len(w, w.log.with("INFO Using experimental hybrid post-quantum key agreement X25519MLKEM768"), 1)
		require.Empty(w, w.log.with("curve preferences"), "that is today's line")
		require.Equal(w, []tunnel.FailureReport{{Group: uint16(tls.X25519MLKEM768), Error: want, Version: "1.2.3"}}, reports)
		// The banner comes before the errors 1, 7, 13, …
		banners, failed := 0, 0
		for _, line := range w.log.lines {
			switch {
			case strings.Contains(line, "The edge could not be reached"):
				require.Zero(w, failed%6)
				banners++
			case strings.Contains(line, dialFailed):
				failed++
			}
		}
		require.NotZero(w, banners)
	})
}

// Run does not leave a report behind.
func TestRunWaitsForItsReport(t *testing.T) {
	inWorld(t, func(w *world) {
		sent := false
		_, stop := w.begin(slotsOf(8, w.edge(tls.CurveP256)), strict(Compat2022, func(tunnel.FailureReport) {
			time.Sleep(3 * time.Second) // virtual
			sent = true
		}))
		w.pass(rtt)
		require.NoError(w, stop())
		require.True(w, sent)
	})
}

// The line of today's cloudflared, for each dial; and failures after the dial
// are nobody's post-quantum trouble.
func TestLaterErrorsAreNotReported(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		e.silent.Store(true)
		_, stop := w.begin(slotsOf(8, e), strict(CompatToday, func(tunnel.FailureReport) { w.Error("reported") }))
		w.pass(time.Minute)
		require.NoError(w, stop())
		require.Greater(w, len(w.dials), 2)
		require.Len(w, w.log.with("INFO Tunnel connection curve preferences: [X25519MLKEM768] connIndex=0 event=0 ip=10.0.0.1"), len(w.dials))
		require.Empty(w, w.log.with("could not be reached"))
		require.Empty(w, w.log.with("Using experimental"))
	})
}

// Without strict nothing is explained, and without a callback nothing sent.
func TestOnlyStrictFailuresAreExplained(t *testing.T) {
	for _, policy := range []kex.Policy{"", kex.Prefer, kex.Classical} {
		inWorld(t, func(w *world) {
			e := w.edge(tls.CurveP384)
			_, stop := w.begin(slotsOf(8, e), func(cfg *Config) {
				cfg.Dialer.TLS.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}
				cfg.PostQuantum.Policy = policy
				cfg.Report = func(tunnel.FailureReport) { w.Error("reported") }
			})
			w.pass(time.Minute)
			require.NoError(w, stop())
			require.NotEmpty(w, w.log.with(dialFailed))
			require.Empty(w, w.log.with("could not be reached"))
		})
	}
}

func TestStrictAnnouncesItself(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		c, stop := w.begin(slotsOf(8, e), strict(Compat2022, nil))
		require.NoError(w, c.Ready(w.Context()))
		require.NoError(w, stop())
		require.Contains(w, e.asked[0].Features, tunnel.FeaturePostQuantum)
		require.Equal(w, tls.X25519MLKEM768, w.dials[0].Group)
	})
}

// The tunnel of the announcement, in a build that has its groups: one is drawn, named, and negotiated.
func TestTheAnnouncedTunnel(t *testing.T) {
	if !kex.Overlay {
		t.Skip("this build lacks the Draft00 groups: run by `make test`")
	}
	drawn := map[string]bool{}
	for seed := range uint64(8) {
		offer, err := Offer(Compat2022, kex.Strict, nil, rand.New(rand.NewPCG(seed, seed)))
		require.NoError(t, err)
		drawn[offer[0].Name] = true
		inWorld(t, func(w *world) {
			c, stop := w.begin(slotsOf(8, w.edge(ids(Compat2022.hybrids())...)), func(cfg *Config) {
				kex.Configure(cfg.Dialer.TLS, offer...)
				cfg.PostQuantum = PostQuantum{Policy: kex.Strict}
			})
			require.NoError(w, c.Ready(w.Context()))
			require.NoError(w, stop())
			for _, h := range w.dials {
				require.Equal(w, offer[0].ID, h.Group)
			}
			require.Len(w, w.log.with("INFO Using experimental hybrid post-quantum key agreement "+offer[0].Name), 1)
		})
	}
	require.Len(t, drawn, 2)
}

func TestBannerIsFramed(t *testing.T) {
	lines := banner("X25519Kyber768Draft00", Compat2022)
	require.Contains(t, strings.Join(lines, "\n"), "X25519Kyber768Draft00")
	require.Contains(t, strings.Join(lines, "\n"), "--compat today")
	require.NotContains(t, strings.Join(banner("X25519MLKEM768", CompatToday), "\n"), "--compat")
	for _, line := range lines {
		require.Equal(t, utf8.RuneCountInString(lines[0]), utf8.RuneCountInString(line), line)
		require.LessOrEqual(t, len(line), 100)
	}
}

func TestPostReport(t *testing.T) {
	type post struct{ method, kind, body string }
	posts := make(chan post, 1)
	status := http.StatusOK
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- post{r.Method, r.Header.Get("Content-Type"), string(body)}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Repeat("x", 3*maxReportAnswer))
	}))
	defer collector.Close()
	r := tunnel.FailureReport{Group: 0xfe31, Error: `CRYPTO_ERROR 0x128 "quoted"`, Version: "v"}
	for _, client := range []*http.Client{nil, collector.Client()} {
		require.NoError(t, PostReport(t.Context(), client, collector.URL, r))
		require.Equal(t, post{"POST", "application/json", `{"g":65073,"m":"CRYPTO_ERROR 0x128 \"quoted\"","v":"v"}`}, <-posts)
	}
	http.DefaultClient.CloseIdleConnections()
	status = http.StatusNoContent
	require.ErrorContains(t, PostReport(t.Context(), collector.Client(), collector.URL, r), "204")
	<-posts
	require.ErrorContains(t, PostReport(t.Context(), nil, ":", r), "report failure")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, PostReport(ended, collector.Client(), collector.URL, r), context.Canceled)
}
