package role

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"pqbench/kex"
	"pqbench/loadgen"
)

// Proc is a running role, seen from the run that started it.
type Proc struct {
	Kind   Kind
	cmd    *exec.Cmd
	client *rpc.Client
	stderr lastWords
	ended  chan struct{}
	told   atomic.Bool  // to end
	hung   atomic.Int64 // for how long it had not answered when it was given up, ns; 0: it was not
}

// Lost is a process that ended in the middle of what it was needed for.
type Lost struct {
	Kind Kind
	Why  string // what it said, or what it was sent
}

func (l *Lost) Error() string {
	return fmt.Sprintf("%s process ended in the middle: %s", l.Kind, l.Why)
}

// A Program is a pqbench whose roles are run. The zero value is this one.
type Program struct {
	// Path of the executable; empty for the one that is running.
	Path string
	// Env is added to the environment of its processes, name=value.
	Env []string
	// Cores are those that its processes are started on, and have as many processors for Go as there are of them; nil for
	// all. Without Confines they are not heeded.
	Cores *CoresArgs
}

// Start executes this program again with a role and the clock's origin, and waits until it answers or the context ends.
// The caller must Stop it, whatever becomes of the context afterwards; if the caller is
// killed instead, the role sees its standard input end and ends too.
func Start(ctx context.Context, kind Kind, provider kex.Provider, clock loadgen.Clock) (*Proc, error) {
	return Program{}.Start(ctx, kind, provider, clock)
}

// Start is like the function, for a program that need not be this one.
func (program Program) Start(ctx context.Context, kind Kind, provider kex.Provider, clock loadgen.Clock) (*Proc, error) {
	exe, err := program.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	p := &Proc{Kind: kind, cmd: exec.Command(exe, "role", string(kind), string(provider)), ended: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	// cloudflared switches ECN off for its process; both ends do, so that no arm differs by it.
	p.cmd.Env = append(append(os.Environ(), "QUIC_GO_DISABLE_ECN=1"), program.Env...)
	if program.Cores != nil && Confines { // the environment may say otherwise
		p.cmd.Env = append(p.cmd.Env, fmt.Sprint("GOMAXPROCS=", program.Cores.Count))
	}
	isolate(p.cmd)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Not exec's own pipe: Wait would close that one before its end is read, and the process's end would be told as a
	// file of ours that is closed.
	stdout, theirs, err := os.Pipe()
	if err != nil {
		_ = stdin.Close()
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	p.cmd.Stdout = theirs
	err = program.start(p.cmd)
	_ = theirs.Close()
	if err != nil {
		_ = stdout.Close()
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	p.client = rpc.NewClient(stdio{output{stdout}, stdin})
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	if err := p.Call(ctx, "Origin", clock.Monotonic(), &None{}); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// output is a pipe that is closed once its end is read.
type output struct{ pipe *os.File }

func (o output) Read(b []byte) (int, error) {
	n, err := o.pipe.Read(b)
	if err != nil {
		_ = o.pipe.Close()
	}
	return n, err
}

func (program Program) start(cmd *exec.Cmd) error {
	if program.Cores == nil {
		return cmd.Start()
	}
	return startOn(cmd, *program.Cores)
}

// Executable is the path of the program.
func (program Program) Executable() (string, error) {
	if program.Path != "" {
		return program.Path, nil
	}
	return os.Executable()
}

// PID is the process's id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Call runs a method of the role and waits for it, or for the context's end; then the process is stopped, since
// nothing useful can be asked of it while it is still busy.
func (p *Proc) Call(ctx context.Context, method string, args, reply any) error {
	call := p.client.Go("Role."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		if call.Error == nil {
			return nil
		}
		err := remoteError(p.Kind, method, call.Error)
		if !errors.As(call.Error, new(rpc.ServerError)) {
			// The process is gone or going: its last words come with its end.
			select {
			case <-p.ended:
				if lost := p.Lost(); lost != nil {
					return lost
				}
			case <-time.After(time.Second):
			}
		}
		if cause := p.stderr.Cause(); cause != "" {
			err = fmt.Errorf("%w: %s", err, cause)
		}
		if text := p.stderr.String(); text != "" {
			err = fmt.Errorf("%w\n%s", err, text)
		}
		return err
	case <-ctx.Done():
		p.Stop()
		return ctx.Err()
	}
}

// Watch asks the process every period whether it is alive, until it has ended, and kills it when it has not answered for
// so long: one that hangs would be waited for without end.
func (p *Proc) Watch(period, patience time.Duration) {
	for {
		select {
		case <-p.ended:
			return
		case <-time.After(period):
		}
		call := p.client.Go("Role.Alive", None{}, &None{}, make(chan *rpc.Call, 1))
		select {
		case <-p.ended:
			return
		case <-call.Done: // or it is going, which its end tells
		case <-time.After(patience):
			p.hung.Store(int64(patience))
			_ = p.cmd.Process.Kill()
		}
	}
}

// Stop ends the process: first by closing its standard input, then, when it has not gone within two seconds, by a
// signal that cannot be ignored.
func (p *Proc) Stop() {
	p.told.Store(true)
	_ = p.client.Close()
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Ended is closed when the process has ended, for whatever reason.
func (p *Proc) Ended() <-chan struct{} { return p.ended }

// Lost tells what ended a process that has ended and was not told to; nil otherwise.
func (p *Proc) Lost() error {
	select {
	case <-p.ended:
	default:
		return nil
	}
	if p.told.Load() {
		return nil
	}
	return &Lost{p.Kind, p.why()}
}

// why tells what ended a process that has ended: what it said, or what it was sent.
func (p *Proc) why() string {
	if hung := time.Duration(p.hung.Load()); hung > 0 {
		return fmt.Sprintf("it had not answered for %v, and was killed", hung)
	}
	if why := cmp.Or(p.stderr.Cause(), p.stderr.String()); why != "" {
		return why
	}
	state := p.cmd.ProcessState.String()
	if state == "signal: killed" {
		state += " (by somebody, or by the kernel for want of memory)"
	}
	return state
}

// Kill ends the process at once, without a word to anybody.
func (p *Proc) Kill() {
	p.told.Store(true)
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.client.Close()
}
