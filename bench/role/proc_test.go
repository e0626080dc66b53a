package role

import (
	"context"
	"net/rpc"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/loadgen"
)

// TestMain is a role, too: one that dies when it is asked to.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role" {
		server := rpc.NewServer()
		if err := server.RegisterName("Role", &Mortal{}); err != nil {
			panic(err)
		}
		server.ServeConn(stdio{untilEnd{os.Stdin}, os.Stdout})
		return
	}
	os.Exit(m.Run())
}

// Mortal is what the role answers to.
type Mortal struct{ Control }

// Die ends the process as a kernel without memory does: at once.
func (*Mortal) Die(None, *None) error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

// A program that never answers is given up with the context, and does not stay.
func TestStartOfAProgramThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pqbench")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Program{Path: path}.Start(ctx, Origin, kex.Go, loadgen.NewClock())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), 30*time.Second)
}

// A process that ends in the middle of a call is told as that, every time, whatever is noticed first: its end, or that
// of its output.
func TestAProcessThatEndsIsToldAsThat(t *testing.T) {
	for range 40 {
		p, err := Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
		require.NoError(t, err)
		err = p.Call(t.Context(), "Die", None{}, &None{})
		require.ErrorContains(t, err, "origin process ended in the middle")
		require.ErrorAs(t, err, new(*Lost))
		require.ErrorContains(t, p.Lost(), "signal: killed")
		p.Stop()
	}
}

// A process that was told to end is not lost.
func TestAProcessThatIsToldToEndIsNotLost(t *testing.T) {
	for _, end := range []func(*Proc){(*Proc).Stop, (*Proc).Kill} {
		p, err := Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
		require.NoError(t, err)
		require.NoError(t, p.Lost(), "it runs")
		end(p)
		require.NoError(t, p.Lost())
	}
}

// A process that hangs is given up, and told as that.
func TestAProcessThatHangsIsGivenUp(t *testing.T) {
	p, err := Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
	require.NoError(t, err)
	defer p.Stop()
	var watching sync.WaitGroup
	watching.Go(func() { p.Watch(time.Millisecond, 2*time.Second) })
	require.NoError(t, p.Call(t.Context(), "Alive", None{}, &None{}))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	require.ErrorContains(t, p.Call(t.Context(), "Alive", None{}, &None{}), "origin process ended in the middle: it had not answered for 2s, and was killed")
	watching.Wait()
	require.ErrorAs(t, p.Lost(), new(*Lost))
}
