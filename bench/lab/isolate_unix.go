//go:build unix

package lab

import (
	"os/exec"
	"syscall"
)

// isolate puts a worker into a process group of its own: Ctrl-C on the terminal reaches the run alone.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
