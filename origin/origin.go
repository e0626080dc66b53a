// Package origin is the application behind a tunnel: a deterministic HTTP server that says exactly what it was asked
// for and counts what it served, so that what the visitors received can be compared with it.
//
//	GET  /bytes/{n}   n bytes of a fixed pattern (sizes such as 64KiB or 1MB, too)
//	POST /sink        reads the body, answers {"bytes":n}
//	*    /echo        the request's body, as it arrives
//	GET  /delay/{d}   an empty answer after d (300ms, 2s)
//	GET  /stats       the counters
package origin

import (
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

// Origin is an http.Handler. The zero value is ready.
type Origin struct {
	requests, bytesIn, bytesOut, failed atomic.Int64
	mux                                 *http.ServeMux
}

// Stats are an origin's counters since it was made.
type Stats struct {
	Requests int64 `json:"requests"`
	BytesIn  int64 `json:"bytes_in"`  // request bodies
	BytesOut int64 `json:"bytes_out"` // response bodies
	Failed   int64 `json:"failed"`    // answers that could not be sent whole
}

// New makes an origin.
func New() *Origin {
	o := &Origin{mux: http.NewServeMux()}
	o.mux.HandleFunc("GET /bytes/{n}", o.bytes)
	o.mux.HandleFunc("POST /sink", o.sink)
	o.mux.HandleFunc("/echo", o.echo)
	o.mux.HandleFunc("GET /delay/{d}", o.delay)
	o.mux.HandleFunc("GET /stats", o.stats)
	return o
}

// Stats reads the counters.
func (o *Origin) Stats() Stats {
	return Stats{o.requests.Load(), o.bytesIn.Load(), o.bytesOut.Load(), o.failed.Load()}
}

func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.requests.Add(1)
	o.mux.ServeHTTP(w, r)
}

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
	for i, got := range b {
		if want := byte((offset + int64(i)) % period); got != want {
			return fmt.Errorf("byte %d is %#02x, want %#02x", offset+int64(i), got, want)
		}
	}
	return nil
}

func (o *Origin) bytes(w http.ResponseWriter, r *http.Request) {
	n, err := parseSize(r.PathValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	for n > 0 {
		sent, err := w.Write(pattern[:min(n, int64(len(pattern)))])
		o.bytesOut.Add(int64(sent))
		if err != nil {
			o.failed.Add(1)
			return
		}
		n -= int64(sent)
	}
}

func (o *Origin) sink(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	o.bytesIn.Add(n)
	if err != nil {
		o.failed.Add(1)
		http.Error(w, "the body was cut short", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	sent, _ := fmt.Fprintf(w, `{"bytes":%d}`, n)
	o.bytesOut.Add(int64(sent))
}

func (o *Origin) echo(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always is, and says it cannot
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	buf := make([]byte, 32<<10)
	for {
		n, readErr := r.Body.Read(buf)
		o.bytesIn.Add(int64(n))
		if n > 0 {
			sent, err := w.Write(buf[:n])
			o.bytesOut.Add(int64(sent))
			if err == nil {
				err = http.NewResponseController(w).Flush()
			}
			if err != nil {
				o.failed.Add(1)
				return
			}
		}
		if readErr != nil {
			if !errors.Is(readErr, io.EOF) {
				o.failed.Add(1)
				panic(http.ErrAbortHandler) // half an echo must not look whole
			}
			return
		}
	}
}

func (o *Origin) delay(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.PathValue("d"))
	if err != nil || d < 0 || d > MaxDelay {
		http.Error(w, fmt.Sprintf("delay %q: want a duration up to %v, such as 300ms", r.PathValue("d"), MaxDelay), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(d):
		w.WriteHeader(http.StatusNoContent)
	case <-r.Context().Done():
		o.failed.Add(1)
	}
}

func (o *Origin) stats(w http.ResponseWriter, _ *http.Request) {
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
