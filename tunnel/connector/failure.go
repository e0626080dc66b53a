package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"pqbench/kex"
	"pqbench/tunnel"
)

// failures is what a connector remembers of dials that failed while nothing but hybrid groups was on offer
// (2022.9.1: handlePQTunnelError).
type failures struct {
	mu      sync.Mutex
	n       int
	reports sync.WaitGroup
}

// strictDialFailed explains the first of many failures, and has the very first reported.
func (c *Connector) strictDialFailed(err error) {
	c.failures.mu.Lock()
	n := c.failures.n
	c.failures.n++
	c.failures.mu.Unlock()
	if n%bannerEvery == 0 {
		for _, line := range banner(c.offered(), c.cfg.PostQuantum.Compat) {
			c.log.LogAttrs(context.Background(), slog.LevelInfo, line)
		}
	}
	if n == 0 && c.cfg.Report != nil {
		report := tunnel.FailureReport{Group: uint16(c.firstOffered().ID), Error: err.Error(), Version: c.cfg.Version}
		c.failures.reports.Go(func() { c.cfg.Report(report) })
	}
}

// offered are the named groups on offer, for people.
func (c *Connector) offered() string {
	var names []string
	for _, id := range c.cfg.Dialer.TLS.CurvePreferences {
		names = append(names, groupName(id))
	}
	return strings.Join(names, ", ")
}

// firstOffered is the group that reports and the start-up line name.
func (c *Connector) firstOffered() kex.Group {
	g, _ := kex.ByID(c.cfg.Dialer.TLS.CurvePreferences[0])
	return g
}

// banner explains what may be wrong when the edge cannot be reached with hybrid groups alone.
func banner(offer string, compat Compat) []string {
	offers := "--groups"
	if compat != CompatToday {
		offers += ", or --compat today"
	}
	text := []string{
		"The edge could not be reached with post-quantum key agreement.",
		"On offer: " + offer,
		"",
		"What may be wrong:",
		" - a middlebox drops the ClientHello, whose key share fills more than one packet;",
		" - the edge knows none of the groups on offer (CRYPTO_ERROR 0x128);",
		fmt.Sprintf(" - UDP to the edge's port (%d by default) is blocked (timeout).", tunnel.DefaultPort),
		"What to do:",
		" - let UDP out to the edge, a first flight of several packets included;",
		" - offer a group that the edge knows: " + offers + ";",
		" - allow a classical group behind the hybrid ones: --post-quantum=prefer.",
	}
	width := 0
	for _, line := range text {
		width = max(width, len(line))
	}
	edge := "+" + strings.Repeat("-", width+2) + "+"
	framed := []string{edge}
	for _, line := range text {
		framed = append(framed, fmt.Sprintf("| %-*s |", width, line))
	}
	return append(framed, edge)
}

// PostReport sends a report to a collector, as JSON. An answer other than 200 is an error. A nil client is
// http.DefaultClient, which waits as long as ctx does.
func PostReport(ctx context.Context, client *http.Client, url string, r tunnel.FailureReport) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("report failure: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("report failure: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("report failure: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxReportAnswer) // lets the connection be used again
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("report failure: collector answered %s, want 200", resp.Status)
	}
	return nil
}

// maxReportAnswer is how much of a collector's answer is worth reading, in bytes.
const maxReportAnswer = 4 << 10
