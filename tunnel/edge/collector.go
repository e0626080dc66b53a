package edge

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"

	"pqbench/kex"
	"pqbench/tunnel"
)

// Bounds of what a Collector takes and keeps. Anybody may post to it.
const (
	maxReport        = 4 << 10 // bytes of a body
	maxReportVersion = 128     // bytes
	maxErrorClass    = 96      // bytes of a class
	maxReportKeys    = 256     // distinct group and class; what is beyond counts as OtherErrors
)

// OtherErrors is the class of reports that came when a Collector had no room
// for another class.
const OtherErrors = "other"

// A Collector counts the failure reports of connectors by group and class of
// error. POST takes one [tunnel.FailureReport] as JSON, as cloudflared 2022.9.1
// sends it; GET answers with [Reports]. The zero value is ready. It keeps no
// text that identifies a sender.
type Collector struct {
	mu      sync.Mutex
	counts  map[reportKey]int64
	refused int64
}

type reportKey struct {
	group uint16
	class string
}

// Reports is what a Collector has counted.
type Reports struct {
	Total   int64         `json:"total"`   // reports taken
	Refused int64         `json:"refused"` // posts that were no report
	Counts  []ReportCount `json:"counts"`  // by group, then class
}

// A ReportCount is one line of Reports.
type ReportCount struct {
	Group string `json:"group"` // name, or code point where it has none
	Error string `json:"error"` // class, see ErrorClass
	Count int64  `json:"count"`
}

// ServeHTTP takes a report or tells the counts.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		status := c.post(w, r)
		if status != http.StatusOK {
			c.mu.Lock()
			c.refused++
			c.mu.Unlock()
			http.Error(w, http.StatusText(status), status)
		}
	case http.MethodGet, http.MethodHead:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(c.Reports())
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}

// post answers 200 with an empty body: 2022.9.1 logs any other status.
func (c *Collector) post(w http.ResponseWriter, r *http.Request) (status int) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	var report tunnel.FailureReport
	if err != nil || json.Unmarshal(body, &report) != nil || report.Error == "" || len(report.Version) > maxReportVersion {
		return http.StatusBadRequest
	}
	c.count(reportKey{report.Group, ErrorClass(report.Error)})
	return http.StatusOK
}

func (c *Collector) count(k reportKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[reportKey]int64)
	}
	if _, known := c.counts[k]; !known && len(c.counts) >= maxReportKeys-1 {
		k = reportKey{class: OtherErrors}
	}
	c.counts[k]++
}

// Reports returns the counts.
func (c *Collector) Reports() Reports {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Reports{Refused: c.refused, Counts: make([]ReportCount, 0, len(c.counts))}
	keys := slices.SortedFunc(maps.Keys(c.counts), func(a, b reportKey) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.class, b.class))
	})
	for _, k := range keys {
		r.Total += c.counts[k]
		r.Counts = append(r.Counts, ReportCount{Group: groupName(k.group), Error: k.class, Count: c.counts[k]})
	}
	return r
}

// groupName is the label of a group, or its code point.
func groupName(id uint16) string {
	if g, ok := kex.ByID(tls.CurveID(id)); ok {
		return g.Label()
	}
	return kex.Group{ID: tls.CurveID(id)}.Codepoint()
}

// ErrorClass makes one class of the texts that an error has at different
// hosts and times. A TLS alert is its code alone ("CRYPTO_ERROR 0x128"); in
// any other text each word with a digit in it (an address, a port, an id, a
// duration) becomes "#". The class is printable, and at most 96 bytes.
func ErrorClass(text string) string {
	const alert = "CRYPTO_ERROR 0x"
	if _, code, ok := strings.Cut(text, alert); ok {
		if n := len(code) - len(strings.TrimLeft(code, "0123456789abcdef")); n > 0 && n <= 4 {
			return alert + code[:n]
		}
	}
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	words := strings.Fields(printable)
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			words[i] = "#"
		}
	}
	class := strings.Join(words, " ")
	if len(class) > maxErrorClass {
		class = strings.TrimSpace(strings.ToValidUTF8(class[:maxErrorClass], ""))
	}
	return cmp.Or(class, OtherErrors)
}
