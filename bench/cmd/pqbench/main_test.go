package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary play pqbench: the scripts run it under that name, and its roles run it again.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pqbench": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

// TestScripts specifies the command line; each script in testdata/script is a chapter.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "roles": roles},
	})
}

// exits CODE PROGRAM ARGUMENTS… runs a program and asserts its exit status; its output goes to the files out and err.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(ts.ReadFile("stdout")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(ts.ReadFile("stderr")), 0o600))
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// roles N MARK waits until N role processes with MARK in their environment are alive (Linux).
func roles(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := -1
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if got = countRoles(args[1]); got == want {
			return
		}
	}
	ts.Fatalf("%d role processes are alive, want %d", got, want)
}

func countRoles(mark string) (n int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		command, _ := os.ReadFile(p + "/cmdline") // a process may end while it is looked at
		environment, _ := os.ReadFile(p + "/environ")
		if strings.Contains(string(command), "\x00role\x00") && strings.Contains(string(environment), mark) {
			n++
		}
	}
	return n
}
