package metrics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// The classes of failure.
const (
	classNoCommonGroup = "no_common_group" // alert 40: the peer agrees to none of the groups on offer
	classCertificate   = "certificate"
	classTLS           = "tls"
	classTimeout       = "timeout" // of a handshake, a call or a dial
	classIdle          = "idle"    // nothing heard for the idle time-out
	classUnauthorized  = "unauthorized"
	classDuplicate     = "duplicate"
	classNoTunnel      = "no_tunnel"
	classNetwork       = "network" // the operating system said so
	classVersion       = "version"
	classReset         = "reset" // of a stream or connection, by the peer
	classCanceled      = "canceled"
)

// Classes are all that Class returns.
func Classes() []string {
	return []string{classNoCommonGroup, classCertificate, classTLS, classTimeout, classIdle, classUnauthorized, classDuplicate,
		classNoTunnel, classNetwork, classVersion, classReset, classCanceled, other}
}

// TLS alerts as QUIC carries them: 0x100 and the alert (RFC 9001, section 4.8).
const (
	alertFirst            = quic.TransportErrorCode(0x100)
	alertLast             = quic.TransportErrorCode(0x1ff)
	alertHandshakeFailure = alertFirst + 40
	alertBadCertificate   = alertFirst + 42
	alertUnknownCA        = alertFirst + 48
)

// Class is which of a few things went wrong.
func Class(err error) string {
	for _, c := range []struct {
		class string
		is    error
	}{
		{classUnauthorized, tunnel.ErrUnauthorized},
		{classDuplicate, tunnel.ErrDuplicateConnection},
		{classNoTunnel, tunnel.ErrNoConnection},
		{classNoTunnel, tunnel.ErrUnknownHost},
		{classCanceled, context.Canceled},
		{classTimeout, context.DeadlineExceeded},
	} {
		if errors.Is(err, c.is) {
			return c.class
		}
	}
	if class := quicClass(err); class != "" {
		return class
	}
	var system syscall.Errno
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case certificate(err):
		return classCertificate
	case errors.As(err, &timeout) && timeout.Timeout():
		return classTimeout
	case errors.As(err, &system), errors.As(err, &dns), errors.Is(err, net.ErrClosed):
		return classNetwork
	}
	return other
}

func quicClass(err error) string {
	var transport *quic.TransportError
	switch {
	case errors.As(err, new(*quic.IdleTimeoutError)):
		return classIdle
	case errors.As(err, new(*quic.HandshakeTimeoutError)):
		return classTimeout
	case errors.As(err, new(*quic.VersionNegotiationError)):
		return classVersion
	case errors.As(err, new(*quic.ApplicationError)), errors.As(err, new(*quic.StreamError)), errors.As(err, new(*quic.StatelessResetError)):
		return classReset
	case !errors.As(err, &transport):
		return ""
	}
	switch code := transport.ErrorCode; {
	case code == alertHandshakeFailure:
		return classNoCommonGroup
	case code >= alertBadCertificate && code <= alertUnknownCA, certificate(err):
		return classCertificate
	case code >= alertFirst && code <= alertLast:
		return classTLS
	}
	return other
}

func certificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(x509.UnknownAuthorityError)) ||
		errors.As(err, new(x509.HostnameError)) || errors.As(err, new(x509.CertificateInvalidError))
}
