package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// killrole KIND MARK kills a role process of a kind with MARK in its environment: at once, and without a word. It waits
// for one to appear (Linux).
func killrole(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		processes, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range processes {
			command, _ := os.ReadFile(p + "/cmdline") // a process may end while it is looked at
			environment, _ := os.ReadFile(p + "/environ")
			if !strings.Contains(string(command), "\x00role\x00"+args[0]+"\x00") || !strings.Contains(string(environment), args[1]) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(p))
			ts.Check(err)
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				return
			}
		}
	}
	ts.Fatalf("no %s process is alive", args[0])
}

// measured FOLDER waits until a run in the folder has written its first trial.
func measured(ts *testscript.TestScript, _ bool, args []string) {
	const something = 200 // bytes: more than the header of an empty file
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), ".*.partial", "samples.jsonl.gz"))
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Size() > something {
				return
			}
		}
	}
	ts.Fatalf("nothing was measured in %s", args[0])
}
