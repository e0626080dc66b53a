// Overlay makes Go's crypto/tls speak named groups that it does not know.
//
// It generates a build overlay (see "go help build", -overlay) from the
// installed Go: patched copies of two files of crypto/tls and two added files
// with a registry of hybrid groups, tls.PQBenchRegister. What it relies on in
// Go's source is found by name and signature, and a self-test does handshakes
// with the result, so an unknown Go version either works or is refused with the
// reason. Go's source is never copied into the repository.
//
// Code that calls the registry is guarded by the build tag pqbench_overlay,
// which only this program sets, and only together with the overlay.
//
// Note: "go test -coverpkg" works, but not on crypto/tls itself (nor on "all"),
// since Go's cover tool does not read overlays.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const usage = `usage: overlay [-o DIR] [-goroot DIR] [-json]
       overlay [-o DIR] [-goroot DIR] exec -- GO-COMMAND [ARGUMENTS]

The first form generates the crypto/tls overlay, tests it, and prints on stdout
the environment to build with, for a shell (eval) or as JSON.

The second form generates it and runs a go command with that environment. When
the overlay cannot be made it says so on stderr and runs the same command
without overlay and tag: the build then lacks the Draft00 groups. The user's
GOFLAGS are kept; -tags there or on the command are added to.

examples:
  go run ./scripts/overlay -o build/overlay exec -- build -o bin/pqbench ./bench/cmd/pqbench
  go run ./scripts/overlay -o build/overlay exec -- test -race ./...
  eval "$(go run ./scripts/overlay -o build/overlay)"

exit status: 0 done; 1 no overlay, or the go command failed; 2 wrong usage,
such as a GOFLAGS that holds an -overlay already

flags:
`

// options is the command line.
type options struct {
	dir    string   // where the overlay is written
	goroot string   // toolchain to patch; "" for the one that go env names
	json   bool     // print JSON instead of shell lines
	exec   []string // the go command to run; nil to print instead
}

func main() {
	err := run(os.Stdin, os.Stdout, os.Stderr, os.Args[1:])
	os.Exit(exitStatus(os.Stderr, err))
}

// exitStatus prints err, except that of a go command, which has spoken itself.
func exitStatus(stderr io.Writer, err error) int {
	var misuse usageError
	var failed goCommandError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &failed):
		return int(failed)
	}
	fmt.Fprintf(stderr, "overlay: %v\n", err)
	if errors.As(err, &misuse) {
		return 2
	}
	return 1
}

func run(stdin io.Reader, stdout, stderr io.Writer, args []string) error {
	opts, err := parseArgs(stdout, args)
	if err != nil {
		return err
	}
	tc, err := findToolchain(opts.goroot)
	if err != nil {
		return err
	}
	ov := plan(tc, opts.dir)
	if opts.exec != nil {
		return ov.runGo(stdin, stdout, stderr, opts.exec)
	}
	env, err := ov.environ(true)
	if err != nil {
		return err
	}
	if err := ov.prepare(); err != nil {
		return err
	}
	return printEnviron(stdout, ov, env, opts.json)
}

func parseArgs(help io.Writer, args []string) (options, error) {
	var opts options
	flags := flag.NewFlagSet("overlay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&opts.dir, "o", filepath.FromSlash("build/overlay"), "write the overlay to `DIR`")
	flags.StringVar(&opts.goroot, "goroot", "", "patch the Go installation in `DIR` and build with it (default: that of go env)")
	flags.BoolVar(&opts.json, "json", false, "print the environment as JSON")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(help, usage)
		flags.SetOutput(help)
		flags.PrintDefaults()
		return options{}, err
	} else if err != nil {
		return options{}, usageError(err.Error() + " (-h lists the flags)")
	}
	dir, err := filepath.Abs(opts.dir)
	if err != nil {
		return options{}, err
	}
	opts.dir = dir
	opts.exec, err = parseExec(flags.Args())
	return opts, err
}

// parseExec returns the arguments of the go command, nil when there is none.
func parseExec(args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if args[0] != "exec" {
		return nil, usageError(fmt.Sprintf("unknown command %q (the only one is exec; flags go before it)", args[0]))
	}
	args = args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "go" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, usageError("exec needs a go command, such as: exec -- test ./...")
	}
	return args, nil
}

// printEnviron writes what a shell or a program needs to build with the overlay.
func printEnviron(w io.Writer, ov *overlay, env []string, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "\t")
		return enc.Encode(map[string]any{
			"goversion": ov.tc.GOVERSION,
			"overlay":   ov.file(),
			"tags":      []string{overlayTag},
			"env":       env,
		})
	}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		if _, err := fmt.Fprintf(w, "export %s=%s\n", name, value); err != nil {
			return err
		}
	}
	return nil
}
