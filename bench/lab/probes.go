package lab

import (
	"context"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// probes counts probe time-outs (RFC 9002, Section 6.2) of one end. It hears quic-go's own events, and keeps nothing else of them.
type probes struct{ n atomic.Int64 }

func (p *probes) tracer(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return p }

// AddProducer implements qlogwriter.Trace.
func (p *probes) AddProducer() qlogwriter.Recorder { return p }

// RecordEvent implements qlogwriter.Recorder. The count is set back to 0 by an acknowledgement, which is no time-out.
func (p *probes) RecordEvent(e qlogwriter.Event) {
	if c, ok := e.(qlog.PTOCountUpdated); ok && c.PTOCount > 0 {
		p.n.Add(1)
	}
}

// Close implements qlogwriter.Recorder.
func (p *probes) Close() error { return nil }
