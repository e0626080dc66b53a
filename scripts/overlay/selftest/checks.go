//go:build pqbench_overlay

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

type list = []tls.CurveID

// sizes are the lengths of the two hellos in bytes.
type sizes struct{ clientHello, serverHello int }

// builtin is what Go's own X25519MLKEM768 weighs, alone and with X25519 beside it.
var builtin struct{ alone, withFallback sizes }

func measure(groups ...tls.CurveID) (sizes, error) {
	t, err := handshake(groups, groups)
	if err != nil {
		return sizes{}, err
	}
	if t.group != groups[0] {
		return sizes{}, fmt.Errorf("negotiated %v of %v", t.group, groups)
	}
	return sizes{len(t.clientHello), len(t.serverHello)}, nil
}

func measureBuiltin() (err error) {
	if builtin.alone, err = measure(tls.X25519MLKEM768); err != nil {
		return err
	}
	builtin.withFallback, err = measure(tls.X25519MLKEM768, tls.X25519)
	return err
}

// checkUnregistered makes sure that the later checks see registration at work.
func checkUnregistered() error {
	if _, err := handshake(list{withX25519}, list{withX25519}); err == nil {
		return errors.New("negotiated without being registered")
	}
	return nil
}

func checkNegotiation() error {
	for _, id := range (list{withX25519, withP256, withP384, tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.X25519}) {
		if _, err := measure(id); err != nil {
			return fmt.Errorf("group %#04x: %w", uint16(id), err)
		}
	}
	return nil
}

// checkSizes compares with the built-in group of the same parts, to the byte.
func checkSizes() error {
	for _, id := range (list{withX25519, tls.X25519MLKEM768}) {
		alone, err := measure(id)
		if err != nil {
			return err
		}
		withFallback, err := measure(id, tls.X25519)
		if err != nil {
			return err
		}
		if alone != builtin.alone || withFallback != builtin.withFallback {
			return fmt.Errorf("group %#04x has hellos of %v bytes, with X25519 %v; want %v and %v",
				uint16(id), alone, withFallback, builtin.alone, builtin.withFallback)
		}
	}
	return nil
}

// checkShareOrder looks where the encapsulation key stands in the ClientHello:
// right behind the group's id and length, or behind the X25519 share.
func checkShareOrder() error {
	for id, before := range map[tls.CurveID]int{tls.X25519MLKEM768: 0, withX25519: 32} {
		made := calls
		t, err := handshake(list{id}, list{id})
		if err != nil {
			return err
		}
		if calls.decapsulators != made.decapsulators+1 || calls.encapsulators != made.encapsulators+1 {
			return fmt.Errorf("group %#04x did not use the registered KEM once on each side", uint16(id))
		}
		at := bytes.Index(t.clientHello, lastKey) - before - 4
		if at < 0 || tls.CurveID(binary.BigEndian.Uint16(t.clientHello[at:])) != id {
			return fmt.Errorf("group %#04x: encapsulation key not %d bytes into the share", uint16(id), before)
		}
	}
	return nil
}

func checkOffers() error {
	// A later Go may have other defaults: only ours must not be among them.
	defaults, err := offered(config())
	if err != nil {
		return err
	}
	for _, h := range groups() {
		if h.ID != tls.X25519MLKEM768 && slices.Contains(defaults, h.ID) {
			return fmt.Errorf("offered by default: %v", defaults)
		}
	}
	tls12 := config(withX25519, tls.X25519)
	tls12.MaxVersion = tls.VersionTLS12
	cases := []struct {
		name   string
		config *tls.Config
		want   list
	}{
		{"others named", config(tls.X25519, tls.X25519MLKEM768), list{tls.X25519MLKEM768, tls.X25519}},
		{"in registration order", config(withP256, withX25519), list{withX25519, withP256}},
		{"before the defaults", config(tls.CurveP256, withP384, tls.X25519MLKEM768), list{withP384, tls.X25519MLKEM768, tls.CurveP256}},
		{"replaced group keeps its place", config(tls.SecP256r1MLKEM768, tls.X25519MLKEM768, tls.X25519MLKEM768),
			list{tls.X25519MLKEM768, tls.SecP256r1MLKEM768}},
		{"TLS 1.2", tls12, list{tls.X25519}},
	}
	for _, c := range cases {
		got, err := offered(c.config)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if !slices.Equal(got, c.want) {
			return fmt.Errorf("%s: offers %v, want %v", c.name, got, c.want)
		}
	}
	return nil
}

// checkRetry offers a share for one group to a server that wants another. A
// server prefers a hybrid at the price of a round trip to the X25519 share that
// it could use at once.
func checkRetry() error {
	client := list{withX25519, withP256, tls.X25519}
	for _, server := range []list{{withP256}, {withP256, tls.X25519}} {
		t, err := handshake(client, server)
		if err != nil {
			return err
		}
		if t.group != withP256 {
			return fmt.Errorf("client %v and server %v negotiated %v", client, server, t.group)
		}
	}
	return nil
}

func checkBadShares() error {
	const illegalParameter = tls.AlertError(47)
	for id, side := range map[tls.CurveID]string{badClientKey: "server", shortClient: "server", shortServer: "client"} {
		_, err := handshake(list{id}, list{id})
		if want := (alertError{side, illegalParameter}); err != want {
			return fmt.Errorf("group %#04x ended with %v, want %v", uint16(id), err, want)
		}
	}
	return nil
}
