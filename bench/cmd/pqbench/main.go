// Command pqbench measures post-quantum tunnels. See `pqbench --help`, and package bench for how a run goes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"pqbench/bench"
	"pqbench/bench/lab"
	"pqbench/daemon"
	"pqbench/results/export"
)

// Exit statuses, in k6's numbers.
const (
	exitDone         = 0
	exitError        = 1
	exitInconclusive = 98  // a gate was asked for, and the result cannot tell
	exitRegressed    = 99  // or another gate or threshold failed
	exitArguments    = 104 // bad configuration or arguments
	exitInterrupted  = 105 // what was measured so far is saved
)

// commands is the command line. Every flag also has an environment variable: PQBENCH_ and its name.
type commands struct {
	Run       runCommand       `cmd:"" help:"Run plans, write a run folder for each, print the tables."`
	Report    reportCommand    `cmd:"" help:"Make tables, plots and report again from a run folder."`
	Load      loadCommand      `cmd:"" help:"Drive handshakes or requests at a rate, at a local edge or a QUIC server of your own."`
	Gate      gateCommand      `cmd:"" help:"Exact numbers against the committed baseline: any difference fails."`
	Compare   compareCommand   `cmd:"" help:"Compare two revisions, binaries or run folders: verdicts, exit status."`
	History   historyCommand   `cmd:"" help:"The trend over runs kept in git, with change points."`
	Groups    groupsCommand    `cmd:"" help:"Show named groups, codepoints, sizes and providers, and what this build and CPU have."`
	Connector connectorCommand `cmd:"" help:"Keep a tunnel to an edge, like cloudflared tunnel run."`
	Edge      edgeCommand      `cmd:"" help:"Accept tunnels and pass requests to them; --issue makes one."`
	Origin    originCommand    `cmd:"" help:"Serve an application behind a tunnel, whose answers can be checked."`
	Capacity  capacityCommand  `cmd:"" help:"Say what N tunnels need: hosts, cores, memory, bandwidth, and which of them binds."`
	Lab       labCommand       `cmd:"" help:"Handshakes and first requests over any network path, in virtual time."`
	LabWorker labWorkerCommand `cmd:"" hidden:"" help:"One process of a lab run."`
	Soak      soakCommand      `cmd:"" help:"Let tunnels come and go, and see whether anything grows."`
	Role      roleCommand      `cmd:"" hidden:"" help:"One process of a run, driven over its standard input."`
}

// out is where a command writes: results to stdout, everything else to stderr.
type out struct{ stdout, stderr io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the program at once
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	var cli commands
	daemon.Revision = bench.Revision
	exited := -1
	parser := kong.Must(&cli,
		kong.Name("pqbench"),
		kong.Description("The benchmark and load-test suite for post-quantum tunnels."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), // after --help
		kong.DefaultEnvars("PQBENCH"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(out{stdout, stderr}),
		kong.TypeMapper(reflect.TypeFor[daemon.PostQuantum](), postQuantumMapper{}),
		kong.Vars{"findingformats": strings.Join(export.Formats(), ","), "exportformats": strings.Join(export.Formats()[2:], ","), "labplans": strings.Join(lab.Plans(), ", "), "plans": strings.Join(bench.Plans(), ", ")},
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(withAliases(args))
	if exited >= 0 {
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "pqbench: %v (pqbench --help shows how)\n", err)
		return exitArguments
	}
	return exitStatus(command.Run(), stderr)
}

// badArguments marks an error as the caller's: nothing was measured, and nothing lost.
type badArguments struct{ error }

func (e badArguments) Unwrap() error { return e.error }

// verdict ends the program with a status that is an answer, not a failure.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit status %d", int(v)) }

func exitStatus(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	if v := verdict(0); errors.As(err, &v) {
		return int(v)
	}
	fmt.Fprintf(stderr, "pqbench: %v\n", err)
	var bad badArguments
	var config bench.ConfigError
	var daemonConfig *daemon.ConfigError
	switch {
	case errors.Is(err, bench.ErrInterrupted):
		return exitInterrupted
	case errors.Is(err, errThreshold), errors.Is(err, bench.ErrGrowth):
		return exitRegressed
	case errors.Is(err, errInconclusive):
		return exitInconclusive
	case errors.As(err, &bad), errors.As(err, &config), errors.As(err, &daemonConfig):
		return exitArguments
	default:
		return exitError
	}
}
