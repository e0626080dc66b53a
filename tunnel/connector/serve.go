package connector

import (
	"context"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel/internal/registration"
)

// serve passes the edge's streams on until the connection ends, or ctx: then it unregisters, and closes when nothing
// is in flight or the grace period is over. A connection that has nothing to do costs the goroutine it runs on.
func (k *connection) serve(ctx context.Context, qc *quic.Conn, control *registration.Client) error {
	inFlight := &gauge{}
	k.accept(ctx, qc, inFlight)
	k.set(func() { k.registered-- })
	if ctx.Err() != nil && qc.Context().Err() == nil {
		go k.accept(context.Background(), qc, inFlight)
		k.leave(qc, control, inFlight)
		_ = qc.CloseWithError(0, "")
	}
	<-qc.Context().Done()
	err := context.Cause(qc.Context())
	k.socket.drop(err)
	if ctx.Err() == nil {
		err = fmt.Errorf("failed to accept QUIC stream: %w", err)
		k.trouble("Serve tunnel error", err)
	}
	_ = control.Close()
	<-inFlight.idle() // they end with the connection's context
	return err
}

// accept serves streams until the connection ends, or ctx.
func (k *connection) accept(ctx context.Context, qc *quic.Conn, inFlight *gauge) {
	for {
		stream, err := qc.AcceptStream(ctx)
		if err != nil {
			return
		}
		inFlight.add(1)
		go func() {
			defer inFlight.add(-1)
			k.proxy.serve(stream)
		}()
	}
}

// leave unregisters and waits for what is in flight.
func (k *connection) leave(qc *quic.Conn, control *registration.Client, inFlight *gauge) {
	ctx, cancel := context.WithTimeout(context.Background(), k.cfg.RPCTimeout)
	defer cancel()
	if err := control.Unregister(ctx); err != nil {
		return // an edge that does not answer sends no requests either
	}
	k.info("Unregistered tunnel connection")
	if k.trace.Unregistered != nil {
		k.trace.Unregistered(k.name())
	}
	grace := time.NewTimer(k.cfg.GracePeriod)
	defer grace.Stop()
	linger := max(lingerRTTs*qc.ConnectionStats().SmoothedRTT, lingerMin)
	wait := func(event <-chan struct{}) bool {
		select {
		case <-event:
			return true
		case <-grace.C:
		case <-qc.Context().Done():
		}
		return false
	}
	for last := -1; last != inFlight.begun(); {
		last = inFlight.begun()
		if !wait(inFlight.idle()) || !wait(after(linger)) {
			return
		}
	}
}

// after is closed after d.
func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}
