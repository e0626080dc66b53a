package link

import (
	"fmt"
	"strconv"
	"time"
)

// BlockUDP returns a middlebox that lets nothing pass.
func BlockUDP() Middlebox { return blockUDP{} }

type blockUDP struct{}

func (blockUDP) String() string      { return "block-udp" }
func (blockUDP) check() error        { return nil }
func (blockUDP) start() box          { return blockUDP{} }
func (blockUDP) pass(*datagram) bool { return false }

// LimitSize returns a middlebox that drops datagrams of more than n bytes of UDP payload, both ways, without a word: a
// path MTU black hole (RFC 4821 calls it so). 0 is 1232, what IPv6's smallest MTU of 1280 bytes leaves.
func LimitSize(n int) Middlebox {
	if n == 0 {
		n = 1280 - 48
	}
	return limitSize(n)
}

type limitSize int

func (l limitSize) String() string        { return fmt.Sprintf("limit-size(%d)", int(l)) }
func (l limitSize) start() box            { return l }
func (l limitSize) pass(d *datagram) bool { return len(d.payload) <= int(l) }

func (l limitSize) check() error {
	if l < MinMTU {
		return fmt.Errorf("%d bytes is no limit for QUIC, which needs %d: use block-udp", int(l), MinMTU)
	}
	return nil
}

func parseSize(text string) (Middlebox, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of bytes", text)
	}
	return limitSize(n), nil
}

// RateLimitInitials returns a middlebox that lets so many of the client's datagrams with an Initial pass in a second, of
// all flows together: a token bucket that holds one second's worth, as a defence against floods would be. 0 is 1.
func RateLimitInitials(perSecond int) Middlebox {
	if perSecond == 0 {
		perSecond = 1
	}
	return rateLimitInitials(perSecond)
}

type rateLimitInitials int

func (r rateLimitInitials) String() string { return fmt.Sprintf("rate-limit-initials(%d)", int(r)) }

func (r rateLimitInitials) check() error {
	if r < 1 || r > 1e9 {
		return fmt.Errorf("%d Initials per second: want 1 to 1000000000", int(r))
	}
	return nil
}

func (r rateLimitInitials) start() box {
	every := time.Second / time.Duration(r)
	depth := every * time.Duration(r)
	return &bucket{every: every, depth: depth, empty: -depth}
}

func parseInitials(text string) (Middlebox, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of Initials per second", text)
	}
	return rateLimitInitials(n), nil
}

// A bucket counts its tokens as time: one is worth every, a full bucket depth.
type bucket struct {
	every, depth time.Duration
	empty        time.Duration // when it was, or would have been, empty
}

func (b *bucket) pass(d *datagram) bool {
	if !d.initial() {
		return true
	}
	empty := max(b.empty, d.at-b.depth)
	if d.at-empty < b.every {
		return false
	}
	b.empty = empty + b.every
	return true
}
