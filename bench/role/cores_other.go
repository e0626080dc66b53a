//go:build !linux

package role

import "os/exec"

// Confines tells whether Program.Cores is heeded.
const Confines = false

func confine(CoresArgs) error { return nil }

func startOn(cmd *exec.Cmd, _ CoresArgs) error { return cmd.Start() }
