package role

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// complaints keeps why requests failed at an edge, which visitors are not told: each reason once, the first of them.
// It is the edge's logger, and costs nothing while all goes well.
type complaints struct {
	mu   sync.Mutex
	said []string
}

// mostComplaints is how many reasons are kept.
const mostComplaints = 8

// Enabled implements slog.Handler.
func (c *complaints) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler: it keeps the error of a record that has one.
func (c *complaints) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			c.keep(r.Message + ": " + strings.ReplaceAll(a.Value.String(), "\n", " "))
		}
		return true
	})
	return nil
}

func (c *complaints) keep(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.said) < mostComplaints && !slices.Contains(c.said, text) {
		c.said = append(c.said, text)
	}
}

// WithAttrs and WithGroup implement slog.Handler: what they add is of no interest.
func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c *complaints) WithGroup(string) slog.Handler { return c }

// Complaints replies with why requests failed since the last call, or tunnel connections were lost.
func (r *EdgeRole) Complaints(_ None, said *[]string) error {
	c := &r.complaints
	c.mu.Lock()
	defer c.mu.Unlock()
	*said, c.said = c.said, nil
	return nil
}
