// Package origin is the application behind a tunnel: a deterministic HTTP server that says exactly what it was asked
// for and counts what it served, so that what the visitors received can be compared with it.
//
//	GET      /bytes/{n}   n bytes of a fixed pattern (sizes such as 64KiB or 1MB, too)
//	POST PUT /sink        reads the body, answers {"bytes":n}
//	any      /echo        the request's body, as it arrives
//	GET      /delay/{d}   an empty answer after d (300ms, 2s)
//	GET      /ws          a WebSocket that echoes messages
//	GET      /stats       the counters
package origin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of what may be asked for.
const (
	MaxBytes = 64 << 30
	MaxDelay = time.Minute
)

// Origin is an http.Handler; New makes one.
type Origin struct {
	mux    *http.ServeMux
	routes map[string]*counters // by path without its parameter
}

// Counts are what was served.
type Counts struct {
	Requests int64 `json:"requests"`
	BytesIn  int64 `json:"bytes_in"`  // request bodies
	BytesOut int64 `json:"bytes_out"` // response bodies
	Failed   int64 `json:"failed"`    // requests that were cut short, on either side
}

// Stats are an origin's counters since it was made.
type Stats struct {
	Counts
	// Paths are the counts of /bytes, /sink, /echo, /delay, /ws and /stats; "other" counts requests for anything else.
	Paths map[string]Counts `json:"paths"`
}

type counters struct{ requests, bytesIn, bytesOut, failed atomic.Int64 }

// other is the route of requests that no path serves.
const other = "other"

// New makes an origin.
func New() *Origin {
	o := &Origin{mux: http.NewServeMux(), routes: make(map[string]*counters)}
	o.handle("/bytes", o.bytes, "GET /bytes/{n}")
	o.handle("/sink", o.sink, "POST /sink", "PUT /sink")
	o.handle("/echo", o.echo, "/echo")
	o.handle("/delay", o.delay, "GET /delay/{d}")
	o.handle("/ws", o.webSocket, "GET /ws")
	o.handle("/stats", o.stats, "GET /stats")
	o.handle(other, func(_ *counters, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "/")
	return o
}

func (o *Origin) handle(name string, serve func(*counters, http.ResponseWriter, *http.Request), patterns ...string) {
	c := new(counters)
	o.routes[name] = c
	for _, pattern := range patterns {
		o.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c.requests.Add(1)
			serve(c, w, r)
		})
	}
}

// Stats reads the counters. A request is counted when it begins, its bytes as they pass.
func (o *Origin) Stats() Stats {
	s := Stats{Paths: make(map[string]Counts, len(o.routes))}
	for name, c := range o.routes {
		n := Counts{c.requests.Load(), c.bytesIn.Load(), c.bytesOut.Load(), c.failed.Load()}
		s.Paths[name] = n
		s.Requests += n.Requests
		s.BytesIn += n.BytesIn
		s.BytesOut += n.BytesOut
		s.Failed += n.Failed
	}
	return s
}

// ServeHTTP serves the paths of the package's list.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

// period is the length of the pattern: prime, so that a body shifted by any power of two is not the same body.
const period = 251

var pattern = func() []byte {
	b := make([]byte, period*256) // about 64 KiB, written at a time
	for i := range b {
		b[i] = byte(i % period)
	}
	return b
}()

// Verify says whether b is what /bytes serves from the given offset on; the error names the first byte that differs.
func Verify(b []byte, offset int64) error {
	for at := 0; at < len(b); {
		phase := (offset + int64(at)) % period
		n := min(len(b)-at, len(pattern)-int(phase))
		if !bytes.Equal(b[at:at+n], pattern[phase:int(phase)+n]) {
			for i, got := range b[at : at+n] {
				if want := pattern[int(phase)+i]; got != want {
					return fmt.Errorf("byte %d is %#02x, want %#02x", offset+int64(at+i), got, want)
				}
			}
		}
		at += n
	}
	return nil
}

func (o *Origin) bytes(c *counters, w http.ResponseWriter, r *http.Request) {
	n, err := parseSize(r.PathValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	if r.Method == http.MethodHead {
		return
	}
	for n > 0 {
		sent, err := w.Write(pattern[:min(n, int64(len(pattern)))])
		c.bytesOut.Add(int64(sent))
		if err != nil {
			c.failed.Add(1)
			return
		}
		n -= int64(sent)
	}
}

func (o *Origin) sink(c *counters, w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	c.bytesIn.Add(n)
	if err != nil {
		c.failed.Add(1)
		http.Error(w, "the body was cut short", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	sent, _ := fmt.Fprintf(w, `{"bytes":%d}`, n)
	c.bytesOut.Add(int64(sent))
}

func (o *Origin) echo(c *counters, w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always is, and says it cannot
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	buf := make([]byte, 32<<10)
	for {
		n, readErr := r.Body.Read(buf)
		c.bytesIn.Add(int64(n))
		if n > 0 {
			sent, err := w.Write(buf[:n])
			c.bytesOut.Add(int64(sent))
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			if err != nil {
				c.failed.Add(1)
				return
			}
		}
		if readErr != nil {
			if !errors.Is(readErr, io.EOF) {
				c.failed.Add(1)
				panic(http.ErrAbortHandler) // half an echo must not look whole
			}
			return
		}
	}
}

func (o *Origin) delay(c *counters, w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.PathValue("d"))
	if err != nil || d < 0 || d > MaxDelay {
		http.Error(w, fmt.Sprintf("delay %q: want a duration up to %v, such as 300ms", r.PathValue("d"), MaxDelay), http.StatusBadRequest)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.WriteHeader(http.StatusNoContent)
	case <-r.Context().Done():
		c.failed.Add(1)
	}
}

func (o *Origin) stats(_ *counters, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o.Stats())
}

func parseSize(text string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > MaxBytes/u.factor {
			break
		}
		return n * u.factor, nil
	}
	return 0, fmt.Errorf("size %q: want 0 to %d bytes, such as 512, 64KiB or 1MB", text, int64(MaxBytes))
}
