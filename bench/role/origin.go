package role

import (
	"net"
	"net/http"

	"pqbench/origin"
)

// OriginRole serves the application behind the tunnels.
type OriginRole struct {
	*Control
	handler *origin.Origin
}

// Listen opens the origin on a free port of the loopback interface and replies with its URL.
func (r *OriginRole) Listen(_ None, url *string) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.handler = origin.New()
	go func() { _ = (&http.Server{Handler: r.handler}).Serve(l) }() // until the process ends
	*url = "http://" + l.Addr().String()
	return nil
}

// Served are the origin's counters: what it served is compared with what the visitors received.
func (r *OriginRole) Served(_ None, s *origin.Stats) error {
	*s = r.handler.Stats()
	return nil
}
