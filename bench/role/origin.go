package role

import (
	"net"
	"net/http"

	"pqbench/origin"
)

// OriginRole serves the application behind the tunnels.
type OriginRole struct {
	*Control
}

// Listen opens the origin on a free port of the loopback interface and replies with its URL.
func (r *OriginRole) Listen(_ None, url *string) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = (&http.Server{Handler: origin.New()}).Serve(l) }() // until the process ends
	*url = "http://" + l.Addr().String()
	return nil
}
