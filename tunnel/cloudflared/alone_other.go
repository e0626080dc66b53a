//go:build !linux

package cloudflared

import (
	"errors"
	"os/exec"
)

// Alone needs Linux's network namespaces.
func Alone() error {
	return errors.New("a network namespace of its own needs Linux")
}

// isolate has nothing to do where only the direct way to end a process is known.
func isolate(*exec.Cmd) {}
