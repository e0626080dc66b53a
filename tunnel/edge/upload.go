package edge

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// lastIfRest makes a response that comes before the end of its request's body
// the last one on its connection. net/http in full-duplex mode would go on: it
// takes for a request what arrives of the body later. Over HTTP/2 a body has a
// stream of its own.
func (x *exchange) lastIfRest(header http.Header) {
	if x.rest.Load() && x.r.ProtoMajor == 1 {
		header["Connection"] = []string{"close"}
	}
}

func (x *exchange) upload(uploaded chan<- struct{}) {
	defer close(uploaded)
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := io.CopyBuffer(writerOnly{x.stream}, requestBody{x.r.Body, &x.rest}, *buf)
	x.up = n
	if err != nil {
		x.stream.CancelWrite(0)
		return
	}
	_ = x.stream.Close()
}

// endUpload waits for the upload, since the request body must not be touched
// once the handler has returned. An origin may answer without reading all of
// it: nobody wants the rest then, and deadlines cut it short on both sides
// (closing the body would wait for the read that hangs). A body that has been
// read to its end needs none on the eyeball's side: net/http would take it for
// the end of the connection, and the next request on it for cancelled.
func (x *exchange) endUpload(uploaded <-chan struct{}) {
	if uploaded == nil {
		return
	}
	select {
	case <-uploaded:
		return
	default:
	}
	past := time.Unix(1, 0)
	_ = x.stream.SetWriteDeadline(past)
	if x.rest.Load() {
		_ = http.NewResponseController(x.w).SetReadDeadline(past)
	}
	<-uploaded
}

// requestBody notes the end of a request's body as it is read, which with a
// known length is before the last bytes are passed on, and so before anybody
// can answer to them.
type requestBody struct {
	io.Reader
	rest *atomic.Bool
}

func (b requestBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.rest.Store(false)
	}
	return n, err
}

// writerOnly hides ReadFrom, and requestBody WriteTo, which would bring
// buffers of their own.
type writerOnly struct{ io.Writer }
