package link

import (
	"net"
	"time"
)

// A Middlebox is one that stands on a path at the client's end and lets datagrams pass or not. It never alters their
// payload. Each Connect begins with a fresh one that has seen nothing.
type Middlebox interface {
	String() string // in the form that ParseMiddlebox reads

	check() error
	start() box
}

// A box is a middlebox at work on one path. It must not keep d, nor alter d.payload.
type box interface {
	pass(d *datagram) bool
}

// A datagram on its way.
type datagram struct {
	dir     Dir
	event   int           // index in the record
	at      time.Duration // when it reached the place where it now is, since the record began
	client  net.Addr      // the client's address as seen from where it now is: the source of what goes up, the destination of what goes down
	payload []byte
}
