package loadgen

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/quic-go/quic-go"

	"pqbench/results"
)

// Classify names the kind of a failure. A failed unit is a sample, not an error of the run.
func Classify(err error) string {
	var (
		handshake   *quic.HandshakeTimeoutError
		idle        *quic.IdleTimeoutError
		transport   *quic.TransportError
		application *quic.ApplicationError
		stream      *quic.StreamError
		network     net.Error
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &handshake), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return results.ClassTimeout
	case errors.As(err, &idle):
		return results.ClassIdle
	case errors.As(err, &transport):
		if transport.ErrorCode.IsCryptoError() {
			return results.ClassCrypto
		}
		if transport.ErrorCode == quic.ConnectionRefused {
			return results.ClassRefused
		}
		return results.ClassOther
	case errors.As(err, &application), errors.As(err, &stream):
		return results.ClassApplication
	case errors.Is(err, syscall.ECONNREFUSED):
		return results.ClassRefused
	case errors.As(err, &network) && network.Timeout():
		return results.ClassTimeout
	default:
		return results.ClassOther
	}
}

// Fail marks a sample as failed.
func Fail(s *results.Sample, err error) {
	s.Class, s.Detail = Classify(err), err.Error()
}
