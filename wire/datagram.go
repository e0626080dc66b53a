package wire

import (
	"fmt"
	"time"
)

// Direction is the way a datagram travels.
type Direction uint8

const (
	ClientToServer Direction = iota // from the end that sent the ClientHello
	ServerToClient
)

// String returns "client to server" or "server to client".
func (d Direction) String() string {
	switch d {
	case ClientToServer:
		return "client to server"
	case ServerToClient:
		return "server to client"
	}
	return fmt.Sprintf("Direction(%d)", uint8(d))
}

// reverse is the direction of the answers.
func (d Direction) reverse() Direction { return d ^ 1 }

// Datagram is one UDP datagram as its socket saw it.
type Datagram struct {
	At      time.Duration // since the tap was made, monotonic
	Dir     Direction
	Payload []byte // UDP payload: no IP or UDP header
}
