// Package field says which HTTP header fields may cross the tunnel. Both ends
// ask: neither trusts what the other, or the far side of it, sends.
package field

import (
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Valid reports whether a field may be put on an HTTP/1.1 connection as it
// is: a token for a name, no CR, LF or other control byte in the value
// (RFC 9110 section 5).
func Valid(name, value string) bool {
	return httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(value)
}

// ValidMethod reports whether m is a token (RFC 9110 section 9.1).
func ValidMethod(m string) bool { return httpguts.ValidHeaderFieldName(m) }

// ValidHost reports whether h can be a Host field. An empty one cannot.
func ValidHost(h string) bool { return h != "" && httpguts.ValidHostHeader(h) }

// Hop reports whether a field belongs to one connection and must not be
// forwarded (RFC 9110 section 7.6.1). name is canonical; connection holds the
// values of the message's Connection field.
func Hop(name string, connection []string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	for _, v := range connection {
		for option := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}
