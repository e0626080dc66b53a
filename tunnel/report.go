package tunnel

// A FailureReport is what a connector tells a collector, once per process,
// when its first post-quantum dial has failed. The JSON keys are those of
// cloudflared 2022.9.1 (connection/quic.go, supervisor/tunnel.go).
type FailureReport struct {
	Group   uint16 `json:"g"` // code point of the preferred named group
	Error   string `json:"m"` // text of the error
	Version string `json:"v"` // version of the connector
}
