package role

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"pqbench/kex"
	"pqbench/loadgen"
)

// Kind is which part of the path a process plays.
type Kind string

// The kinds of role.
const (
	Edge      Kind = "edge"
	Connector Kind = "connector"
	Origin    Kind = "origin"
	Load      Kind = "load"
	Kex       Kind = "kex"
)

// None is the argument or reply of a call that needs none: net/rpc wants a type.
type None struct{}

// stdio joins the process's standard input and output into the one stream that RPC needs.
type stdio struct {
	io.Reader
	io.WriteCloser
}

// untilEnd ends the process when its input ends. Returning would not: net/rpc waits for the call in progress, which
// may be a trial of minutes against an edge that is gone.
type untilEnd struct{ io.Reader }

func (r untilEnd) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil {
		os.Exit(0)
	}
	return n, err
}

// Serve plays a role until its standard input ends. The KEM provider is fixed here, before the process makes any key.
func Serve(kind Kind, provider kex.Provider) error {
	if err := kex.Fix(provider); err != nil {
		return err
	}
	// Anything the libraries print must not reach the RPC stream.
	out := os.Stdout
	os.Stdout = os.Stderr

	control := &Control{}
	services := map[Kind]func() any{
		Edge:      func() any { return &EdgeRole{Control: control} },
		Connector: func() any { return &ConnectorRole{Control: control} },
		Origin:    func() any { return &OriginRole{Control: control} },
		Load:      func() any { return &LoadRole{Control: control} },
		Kex:       func() any { return &KexRole{Control: control, Provider: provider} },
	}
	make, ok := services[kind]
	if !ok {
		return fmt.Errorf("unknown role %q", kind)
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Role", make()); err != nil {
		return err
	}
	signal.Reset(os.Interrupt, syscall.SIGTERM) // a role has nothing to save
	server.ServeConn(stdio{untilEnd{polled(os.Stdin)}, out})
	return nil
}

// polled is the same file, read through the runtime's poller: its reader waits without a thread in a system call.
// With one, a process at rest that collects its garbage can wait for a minute (Go 1.26.8, one call in some ten
// thousand): the world does not stop before the runtime's monitor wakes from its deep sleep and finds that thread.
// What cannot be polled, such as a plain file, is read as it was.
func polled(f *os.File) io.Reader {
	fd := f.Fd()
	if syscall.SetNonblock(int(fd), true) != nil {
		return f
	}
	return os.NewFile(fd, f.Name())
}

// Control is what every role answers to.
type Control struct {
	clock loadgen.Clock
}

// Origin sets the run's origin of time: nanoseconds on the system's monotonic clock.
func (c *Control) Origin(monotonic int64, _ *None) error {
	c.clock = loadgen.ClockAt(monotonic)
	return nil
}

// Alive is answered by a process that is.
func (c *Control) Alive(_ None, _ *None) error { return nil }

// Usage reads the process's own consumption so far.
func (c *Control) Usage(_ None, u *Usage) error {
	*u = ReadUsage()
	return nil
}

// Rested collects the garbage of earlier trials and reads the usage then, so that no arm pays for another's.
func (c *Control) Rested(_ None, u *Usage) error {
	runtime.GC()
	*u = ReadUsage()
	return nil
}

// Goroutines counts those of the process. Idle processes of the same role have the same number, give or take a timer.
func (c *Control) Goroutines(_ None, n *int) error {
	*n = runtime.NumGoroutine()
	return nil
}

// remoteError restores the text of an error that crossed the process border, naming the role it came from.
func remoteError(kind Kind, method string, err error) error {
	var server rpc.ServerError
	if errors.As(err, &server) {
		return fmt.Errorf("%s: %s", kind, string(server))
	}
	if errors.Is(err, rpc.ErrShutdown) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "broken pipe") {
		return fmt.Errorf("%s process ended during %s: %w", kind, method, err)
	}
	return fmt.Errorf("%s: %s: %w", kind, method, err)
}
