//go:build !pqbench_overlay

package kex

// Overlay reports whether crypto/tls has the registration hook. The tag comes
// with the overlay, and never without it: scripts/overlay sets both.
const Overlay = false

// register has nowhere to register: InTLS says so before anybody dials.
func register(Provider) error { return nil }
