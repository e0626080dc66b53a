package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// A goCommandError is the exit status of the go command that was run.
type goCommandError int

// Error implements error.
func (e goCommandError) Error() string { return fmt.Sprintf("go: exit status %d", int(e)) }

// environ returns the settings to build with, as name=value: the overlay and its
// tag together, or neither, and in both cases the toolchain that was asked.
func (ov *overlay) environ(with bool) ([]string, error) {
	flags, err := splitGOFLAGS(ov.tc.GOFLAGS)
	if err != nil {
		return nil, usageError(err.Error())
	}
	if flags, err = buildFlags(flags, ov.file(), with); err != nil {
		return nil, err
	}
	goflags, err := joinGOFLAGS(flags)
	if err != nil {
		return nil, err
	}
	return append(pinned(ov.rootFor(with)), "GOFLAGS="+goflags), nil
}

// runGo runs a go command with the overlay or, with a warning, without it.
// Misuse is not covered by the warning: the user can mend that.
func (ov *overlay) runGo(stdin io.Reader, stdout, stderr io.Writer, args []string) error {
	cmd, err := ov.goCommand(args, true)
	if err == nil {
		err = ov.prepare()
	}
	var misuse usageError
	if errors.As(err, &misuse) {
		return err
	}
	if err != nil {
		fmt.Fprintf(stderr, "overlay: warning: building without the Draft00 groups and other KEM providers in TLS: %v\n", err)
		if cmd, err = ov.goCommand(args, false); err != nil {
			return err
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return wait(cmd)
}

func (ov *overlay) goCommand(args []string, with bool) (*exec.Cmd, error) {
	env, err := ov.environ(with)
	if err != nil {
		return nil, err
	}
	args, err = commandArgs(args, with)
	if err != nil {
		return nil, err
	}
	cmd := ov.tc.command(ov.rootFor(with), args...)
	cmd.Env = append(cmd.Env, env...)
	return cmd, nil
}

// rootFor is the GOROOT to build with.
func (ov *overlay) rootFor(with bool) string {
	if with {
		return ov.root
	}
	return ov.tc.GOROOT
}

// wait runs cmd to its end. A terminal sends Ctrl-C to the go command too, so
// it need only be outlived; a termination signal comes to this process alone
// and is passed on.
func wait(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM {
				cmd.Process.Signal(s)
			}
		case err := <-ended:
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				// -1 stands for death by a signal.
				return goCommandError(max(failed.ExitCode(), 1))
			}
			return err
		}
	}
}
