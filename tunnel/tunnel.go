// Package tunnel holds what both ends of the tunnel agree on: names, ports,
// timers, flow-control windows, credentials, shared errors and the hooks
// through which a caller watches either end.
//
// The protocol is the one cloudflared speaks (tag 2026.8.2 unless a comment
// says otherwise). Package connector dials package edge and registers over
// the first stream; from then on the edge opens one stream per request. So
// requests travel edge → connector, while the handshake travels connector →
// edge: the connector sends the ClientHello.
package tunnel

import "time"

// Names and ports of the QUIC transport, as cloudflared 2026.8.2 uses them.
const (
	// ALPN is the only application protocol of the QUIC transport.
	ALPN = "argotunnel"
	// QUICServerName is the SNI of a tunnel connection over QUIC.
	QUICServerName = "quic.cftunnel.com"
	// HTTP2ServerName is the SNI of a tunnel connection over HTTP/2.
	HTTP2ServerName = "h2.cftunnel.com"
	// ProbeServerName is the SNI of the pre-checks that cloudflared runs at
	// start-up: a handshake, no stream, then a close with code 0.
	ProbeServerName = "probe.cftunnel.com"
	// RelayALPN is the protocol between the data centers of an edge. It is
	// pqbench's own: what Cloudflare's speak is not public.
	RelayALPN = "pqbench-relay/1"
	// RelayServerName is what a data center's relay certificate is valid for.
	RelayServerName = "relay.pqbench.internal"
	// DefaultPort is the edge's port, UDP and TCP.
	DefaultPort = 7844
	// HostSuffix follows a tunnel id in the host name by which an eyeball
	// reaches that tunnel without a route of its own.
	HostSuffix = ".cfargotunnel.com"
)

// Timers and limits of cloudflared 2026.8.2 (quic-go v0.59.1); 2022.9.1 has
// the same timers. Durations are network time.
const (
	// HandshakeIdleTimeout bounds the silence during a handshake.
	HandshakeIdleTimeout = 5 * time.Second
	// MaxIdleTimeout is how long a silent connection is believed alive.
	MaxIdleTimeout = 5 * time.Second
	// KeepAlivePeriod is the connector's PING period. The edge sends none.
	KeepAlivePeriod = time.Second
	// RPCTimeout bounds one call on the control stream (--rpc-timeout).
	RPCTimeout = 5 * time.Second
	// GracePeriod is how long a connector that has unregistered keeps
	// serving what is in flight (--grace-period).
	GracePeriod = 30 * time.Second

	// MaxConnectionReceiveWindow is the flow-control window of a connection, in bytes.
	MaxConnectionReceiveWindow = 30 << 20
	// MaxStreamReceiveWindow is the flow-control window of a stream, in bytes.
	MaxStreamReceiveWindow = 6 << 20
	// InitialPacketSize is the UDP payload of every Initial, in bytes. The
	// code of cloudflared intends 1232 for IPv4 but sends 1252 there too.
	InitialPacketSize = 1252
	// ConnectorStreamLimit is how many requests the edge may have open at
	// once on a connection. cloudflared allows 2^60, 2022.9.1 allowed 2^32-1:
	// one frame with a high stream id then has every lower stream made, and
	// a hostile edge has all of the connector's memory.
	ConnectorStreamLimit = 1 << 14
	// EdgeStreamLimit is how many streams a connector may have open at
	// once: the control stream and a few short-lived RPC streams.
	EdgeStreamLimit = 16

	// HAConnections is how many connections a connector keeps (--ha-connections).
	HAConnections = 4
)

// Features that cloudflared announces at registration.
const (
	FeatureRemoteConfig      = "allow_remote_config"
	FeatureSerializedHeaders = "serialized_headers"
	FeatureDatagramV2        = "support_datagram_v2"
	FeatureQUICEOF           = "support_quic_eof"
	FeatureManagementLogs    = "management_logs"
	// FeaturePostQuantum is announced by a connector that offers hybrid
	// groups only (--post-quantum). Nothing else at registration tells.
	FeaturePostQuantum = "postquantum"
)
