//go:build purego

package kex

// pureGo reports the build tag with which CIRCL, and the standard library,
// leave their assembly out.
const pureGo = true
