// Package loadgen decides when load starts, and records what each unit of it saw.
//
// It knows what a handshake or a request is only as a function that it calls: the tunnel cannot be shaped by how it
// is measured, and the load cannot peek into the tunnel.
package loadgen
