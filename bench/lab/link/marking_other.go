//go:build !linux

package link

import (
	"errors"
	"net"
)

// MarkingUnsupported says why the sockets here carry no ECN.
func MarkingUnsupported() error { return errors.New("virtual sockets carry ECN on Linux alone") }

func withMarks(s *socket) net.PacketConn { return s }
