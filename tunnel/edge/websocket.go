package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"

	"pqbench/tunnel/internal/duplex"
	"pqbench/tunnel/internal/wire"
)

// isWebSocket reports whether an eyeball asks for a WebSocket (RFC 6455
// section 4.2.1). Anything else that wants to be upgraded is served as it is.
func isWebSocket(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return upgrade != nil && r.ProtoMajor == 1 && r.Method == http.MethodGet && r.ContentLength == 0 &&
		httpguts.HeaderValuesContainsToken(upgrade, "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade")
}

// errSwitched: the bytes that would follow have no meaning for the eyeball.
var errSwitched = errors.New("response switches protocols unasked")

// switchProtocols takes the eyeball's connection over and answers 101. The
// fields are checked already, and those of one hop are gone.
func (x *exchange) switchProtocols(header http.Header) error {
	fields := header.Clone()
	clear(header)
	if !isWebSocket(x.r) {
		return errSwitched
	}
	nc, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the eyeball's connection: %w", err)
	}
	x.eyeball = duplex.Conn{Conn: nc, Reader: rw.Reader}
	x.status, x.started = http.StatusSwitchingProtocols, true
	_ = nc.SetDeadline(time.Time{}) // the server's are for requests
	_, _ = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
	_ = fields.Write(rw)
	_, _ = io.WriteString(rw, "\r\n")
	if err := rw.Flush(); err != nil {
		_ = nc.Close()
		return fmt.Errorf("write to eyeball: %w", err)
	}
	return nil
}

// passBytes lasts as long as the WebSocket does.
func (x *exchange) passBytes(head wire.Head) error {
	defer x.eyeball.Close()
	stream := &duplex.Stream{Stream: x.stream, Reader: io.MultiReader(bytes.NewReader(head.Rest), x.stream)}
	var err error
	if x.up, x.down, err = duplex.Copy(x.eyeball, stream, duplex.Linger); err != nil {
		return fmt.Errorf("pass bytes on: %w", err)
	}
	return nil
}
