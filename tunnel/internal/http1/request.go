package http1

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"pqbench/tunnel/internal/field"
)

var errRequest = errors.New("request cannot be sent")

// appendHead writes the head of a request, and refuses what would read as anything else than this one request.
func appendHead(b []byte, req *http.Request) ([]byte, error) {
	uri := req.URL.RequestURI()
	switch {
	case !field.ValidMethod(req.Method) || req.Method == http.MethodConnect:
		return nil, fmt.Errorf("%w: method %q", errRequest, req.Method)
	case !field.ValidHost(req.Host):
		return nil, fmt.Errorf("%w: host %q", errRequest, req.Host)
	case uri[0] != '/' || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, fmt.Errorf("%w: target %q", errRequest, uri)
	case req.ContentLength != 0 && req.Body == nil:
		return nil, fmt.Errorf("%w: length %d without a body", errRequest, req.ContentLength)
	}
	b = append(append(append(b, req.Method...), ' '), uri...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), req.Host...)
	b = append(b, "\r\n"...)
	for name, values := range req.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue // said here, once, by what the request is
		}
		for _, v := range values {
			if !field.Valid(name, v) {
				return nil, fmt.Errorf("%w: field %q", errRequest, name)
			}
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	switch {
	case req.ContentLength > 0:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, req.ContentLength, 10), "\r\n"...)
	case req.ContentLength < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch:
		b = append(b, "Content-Length: 0\r\n"...) // RFC 9110 section 8.6
	}
	return append(b, "\r\n"...), nil
}
