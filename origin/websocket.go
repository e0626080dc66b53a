package origin

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"
)

// webSocket echoes messages, of any size, as they come, until the visitor closes. A visitor that leaves without a
// word counts as failed.
func (o *Origin) webSocket(c *counters, w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // any page may: it is an echo
	if err != nil {
		c.failed.Add(1)
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	for err == nil {
		err = echoMessage(r.Context(), conn, c)
	}
	if websocket.CloseStatus(err) == -1 {
		c.failed.Add(1)
	}
}

func echoMessage(ctx context.Context, conn *websocket.Conn, c *counters) error {
	kind, from, err := conn.Reader(ctx)
	if err != nil {
		return err
	}
	to, err := conn.Writer(ctx, kind)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, from)
	c.bytesIn.Add(n)
	c.bytesOut.Add(n)
	if err != nil {
		return err
	}
	return to.Close()
}
