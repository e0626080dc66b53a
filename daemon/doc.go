// Package daemon runs the parts of the tunnel as programs of their own: a connector used like `cloudflared tunnel run`,
// an edge of one or more data centers, an origin. It reads their configuration, logs as cloudflared's users know it,
// serves metrics, and lets what is in flight end when it is told to stop.
//
// A daemon's life, the same for all three:
//
//  1. Settings come from flags and variables; what they leave open comes from the configuration file, and what that
//     leaves open is a default.
//  2. Everything that can be wrong with them is found before a socket is opened. Such an error is a *ConfigError.
//  3. Run listens, logs what it is, and serves until its context ends; then /ready says 503, what is in flight gets the
//     grace period, and Run returns nil.
package daemon
