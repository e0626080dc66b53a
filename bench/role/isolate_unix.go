//go:build unix

package role

import (
	"os/exec"
	"syscall"
)

// isolate puts the role into a process group of its own: Ctrl-C on the terminal reaches the run alone, which saves
// what was measured and then ends its roles.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
