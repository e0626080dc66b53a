// Package cloudflared runs a real cloudflared, where the user has one, as a
// peer of our edge: in the interop test, and as an arm of the benchmark.
// Nothing of cloudflared is part of this project; its path comes from the
// environment variable in [Variable], or a flag.
//
// The flags are those of tag 2026.8.2. A cloudflared looks names up when it
// starts, whatever its flags; [Alone] keeps that inside the machine.
package cloudflared

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"pqbench/tunnel"
)

// Variable names the environment variable that holds the path of a cloudflared.
const Variable = "PQBENCH_CLOUDFLARED"

// ErrNone says that no cloudflared was given: what needs one is not run.
var ErrNone = errors.New("no cloudflared was given: set " + Variable + "=/path/to/cloudflared")

// Path is the cloudflared that the environment names; ErrNone without one,
// and another error when it does not run.
func Path() (string, error) {
	path := os.Getenv(Variable)
	if path == "" {
		return "", ErrNone
	}
	if _, err := Version(path); err != nil {
		return "", err
	}
	return path, nil
}

// Version is what the program calls itself, such as "2026.8.2".
func Version(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %s does not run: %w", Variable, path, err)
	}
	_, rest, ok := strings.Cut(string(out), "cloudflared version ")
	version, _, _ := strings.Cut(rest, " ")
	if !ok || version == "" {
		return "", fmt.Errorf("%s: %s is not a cloudflared: it calls itself %.80q", Variable, path, out)
	}
	return version, nil
}

// Config is how a cloudflared is run. Path, Edges, RootPEM, Credentials and Origin are required.
type Config struct {
	Path string
	// Edges are the address slots, host:port. With no spare ones a failed
	// dial is repeated without a wait, so give more than Connections.
	Edges []string
	// RootPEM are the roots that it trusts for the edge.
	RootPEM     []byte
	Credentials tunnel.Credentials
	// Origin is where its requests go, an http URL.
	Origin string
	// Connections is --ha-connections; default tunnel.HAConnections.
	Connections int
	// PostQuantum is --post-quantum: hybrids only.
	PostQuantum bool
	// GracePeriod is --grace-period; default none.
	GracePeriod time.Duration
}

// A Process is a running cloudflared.
type Process struct {
	cmd     *exec.Cmd
	dir     string
	log     log
	metrics string
	asked   sync.Once // a second signal would kill it
	ended   chan struct{}
	err     error
}

// Start starts it. The credentials travel in a file of a private folder
// that Stop removes, since arguments are for all to see.
func Start(cfg Config) (*Process, error) {
	dir, err := os.MkdirTemp("", "pqbench-cloudflared-")
	if err != nil {
		return nil, fmt.Errorf("cloudflared: %w", err)
	}
	p := &Process{dir: dir, ended: make(chan struct{}), log: log{grown: make(chan struct{})}}
	if err := p.start(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("cloudflared: %w", err), os.RemoveAll(dir))
	}
	return p, nil
}

func (p *Process) start(cfg Config) error {
	root, creds := filepath.Join(p.dir, "root.pem"), filepath.Join(p.dir, "credentials.json")
	if err := os.WriteFile(root, cfg.RootPEM, 0o600); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]string{
		"AccountTag": cfg.Credentials.AccountTag, "TunnelID": cfg.Credentials.TunnelID.String(),
		"TunnelSecret": base64.StdEncoding.EncodeToString(cfg.Credentials.TunnelSecret),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(creds, text, 0o600); err != nil {
		return err
	}
	p.cmd = exec.Command(cfg.Path, arguments(cfg, root, creds)...)
	p.cmd.Env = environment(p.dir)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	isolate(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return nil
}

// arguments are the offline-safe flags: the protocol is said, since without
// DNS its automatic choice is HTTP/2; no pre-checks, no update.
func arguments(cfg Config, root, creds string) []string {
	connections := cfg.Connections
	if connections == 0 {
		connections = tunnel.HAConnections
	}
	args := []string{"tunnel", "--no-autoupdate", "--no-prechecks", "--protocol", "quic", "--cacert", root,
		"--ha-connections", strconv.Itoa(connections), "--metrics", "127.0.0.1:0", "--output", "json",
		"--grace-period", cfg.GracePeriod.String(), "--url", cfg.Origin}
	for _, edge := range cfg.Edges {
		args = append(args, "--edge", edge)
	}
	if cfg.PostQuantum {
		args = append(args, "--post-quantum")
	}
	return append(args, "run", "--credentials-file", creds, cfg.Credentials.TunnelID.String())
}

// environment is ours without cloudflared's own variables, which would
// override what a measurement says it does, and with a home of its own, where
// no configuration file lies.
func environment(home string) []string {
	env := []string{"HOME=" + home}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TUNNEL_") && !strings.HasPrefix(v, "HOME=") && !strings.HasPrefix(v, "NO_AUTOUPDATE=") {
			env = append(env, v)
		}
	}
	return env
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

var metricsLine = regexp.MustCompile(`Starting metrics server on ([0-9.:\[\]]+)/metrics`)

// Ready waits until n connections are registered. The error says what the
// process printed last when it ended instead.
func (p *Process) Ready(ctx context.Context, n int) error {
	if p.metrics == "" {
		found, err := p.Logged(ctx, metricsLine, 1)
		if err != nil {
			return err
		}
		p.metrics = found[0][1]
	}
	for {
		have, err := p.ready(ctx)
		if err == nil && have >= n {
			return nil
		}
		select {
		case <-time.After(readyPoll):
		case <-p.ended:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("cloudflared: %d of %d connections are registered: %w\n%s", have, n, context.Cause(ctx), p.log.tail())
		}
	}
}

// readyPoll is how often /ready is asked.
const readyPoll = 20 * time.Millisecond

func (p *Process) ready(ctx context.Context) (connections int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+"/ready", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var state struct{ ReadyConnections int }
	err = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&state)
	return state.ReadyConnections, err
}

// Logged waits until the log matches a pattern n times, and returns the matches with their groups.
func (p *Process) Logged(ctx context.Context, pattern *regexp.Regexp, n int) ([][]string, error) {
	for {
		text, grown := p.log.read()
		if found := pattern.FindAllStringSubmatch(text, n); len(found) == n {
			return found, nil
		}
		select {
		case <-grown:
		case <-p.ended:
			return nil, p.died()
		case <-ctx.Done():
			return nil, fmt.Errorf("cloudflared: did not log %q: %w\n%s", pattern, context.Cause(ctx), p.log.tail())
		}
	}
}

func (p *Process) died() error {
	return fmt.Errorf("cloudflared ended: %v\n%s", p.err, p.log.tail())
}

// Terminate asks it to shut down in good order, which Stop then waits for.
func (p *Process) Terminate() {
	p.asked.Do(func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }) // an error says that it has ended
}

// Stop ends it, in good order if it takes less than wait, and removes its
// files. The error is an exit status other than 0; a second call has none.
func (p *Process) Stop(wait time.Duration) error {
	p.Terminate()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.dir == "" {
		return nil
	}
	err := os.RemoveAll(p.dir)
	p.dir = ""
	if p.err != nil {
		err = errors.Join(p.died(), err)
	}
	return err
}

// log keeps what the process printed, up to logLimit bytes, and tells when there is more.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

const logLimit = 1 << 20

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() < logLimit {
		l.text.Write(b)
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return len(b), nil
}

func (l *log) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.grown
}

// tail is the last lines.
func (l *log) tail() string {
	text, _ := l.read()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}
