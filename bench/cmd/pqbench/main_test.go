package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pqbench/bench/gate"
	"pqbench/kex"
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
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "roles": roles, "find": find, "get": get, "freeport": freeport, "killrole": killrole, "measured": measured, "readme": readme},
		Condition: func(name string) (bool, error) {
			switch name {
			case "draft00":
				return kex.Overlay, nil
			case "race":
				return gate.Race, nil
			case "ipv6":
			default:
				return false, fmt.Errorf("unknown condition %q", name)
			}
			l, err := net.Listen("tcp", "[::1]:0")
			if err != nil {
				return false, nil
			}
			return true, l.Close()
		},
	})
}

// exits CODE PROGRAM ARGUMENTS… runs a program and asserts its exit status, or that it is one of several joined with
// commas; its output goes to the files out and err.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(ts.ReadFile("stdout")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(ts.ReadFile("stderr")), 0o600))
	if !slices.Contains(strings.Split(args[0], ","), strconv.Itoa(got)) {
		ts.Fatalf("exit status %d, want %s", got, args[0])
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

// patience is how long scripts wait for another process.
const patience = 20 * time.Second

// find VARIABLE FILE REGEXP waits until a line of the file matches and sets the variable to what the group caught.
func find(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[2])
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		text, _ = os.ReadFile(ts.MkAbs(args[1])) // it may not be there yet
		if m := pattern.FindSubmatch(text); m != nil {
			ts.Setenv(args[0], string(m[len(m)-1]))
			return
		}
	}
	ts.Fatalf("%s never matched %s:\n%s", args[1], args[2], text)
}

// get STATUS URL [HOST CA] asks until the status is the one, over TLS with a file of certificates to trust, and puts
// the body into the file body.
func get(ts *testscript.TestScript, _ bool, args []string) {
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	if len(args) > 2 {
		r.Host = args[2]
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(ts.ReadFile(args[3])))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(r)
		if err != nil {
			got = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("body"), body, 0o600))
		if got = strconv.Itoa(resp.StatusCode); got == args[0] {
			return
		}
	}
	ts.Fatalf("%s: got %s, want %s", args[1], got, args[0])
}

// freeport VARIABLE sets the variable to a loopback port that nobody uses, over TCP and UDP.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	for range 10 {
		socket, err := net.ListenUDP("udp", nil)
		ts.Check(err)
		_, port, err := net.SplitHostPort(socket.LocalAddr().String())
		ts.Check(err)
		l, err := net.Listen("tcp", ":"+port)
		ts.Check(socket.Close())
		if err == nil {
			ts.Check(l.Close())
			ts.Setenv(args[0], port)
			return
		}
	}
	ts.Fatalf("no port is free over TCP and UDP")
}

// readme SECTION FILE writes the first indented block of a section of the README to a file.
func readme(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(readmePath)
	ts.Check(err)
	_, section, found := strings.Cut(string(text), "\n## "+args[0]+"\n")
	if !found {
		ts.Fatalf("the README has no section %q", args[0])
	}
	var block strings.Builder
	for line := range strings.Lines(section) {
		command, indented := strings.CutPrefix(line, "    ")
		if !indented && strings.TrimSpace(line) != "" && block.Len() > 0 {
			break
		}
		if indented {
			block.WriteString(command)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(block.String()), 0o600))
}

// readmePath is found before the scripts change the directory.
var readmePath, _ = filepath.Abs("../../../README.md")
