package results

import (
	"fmt"
	"strings"
)

// Arm names what is compared: one choice for every factor of a plan. Two arms are the same measurement when they are
// equal; an Arm is therefore a comparable struct. Zero fields do not apply to the experiment and are left out.
type Arm struct {
	// Group is the offer's named group, in the names of the IANA registry and the drafts. An offer of several groups
	// joins their names with "+", the preferred one first.
	Group string `json:"group,omitempty"`
	// Codepoint is the TLS codepoint ("0x6399") of a group that shares its name with another; empty elsewhere.
	Codepoint string `json:"codepoint,omitempty"`
	// KEM is the provider that computes the KEM part ("go", "circl-asm", "circl-generic"); empty for classical groups.
	KEM string `json:"kem,omitempty"`
	// Cert is the kind of the edge's certificate ("ecdsa-p256", "rsa-2048", "ed25519", "chain3").
	Cert string `json:"cert,omitempty"`
	// Initial is the size of the client's Initial datagrams, UDP payload bytes.
	Initial int `json:"initial,omitempty"`
	// Concurrency is how many handshakes, requests or transfers were kept in flight.
	Concurrency int `json:"concurrency,omitempty"`
	// Tunnels is how many tunnels were held, where that is what an experiment is about.
	Tunnels int `json:"tunnels,omitempty"`
	// Timers are a tunnel's keep-alive period and idle time-out ("1s/5s"), Share the part of the tunnels that offer the
	// group while the others offer the control ("30%"), Outage how an edge went away ("close 2s", "kill 5s", "colo close 2s"),
	// and Admission what it does when many come at once ("retry-64", "cap-64"), where those are the factors.
	Timers    string `json:"timers,omitempty"`
	Share     string `json:"share,omitempty"`
	Outage    string `json:"outage,omitempty"`
	Admission string `json:"admission,omitempty"`
	// Silence is how long a tunnel was left alone before it was asked ("35s"), where that is a factor.
	Silence string `json:"silence,omitempty"`
	// Path is a simulated path: its round trip ("100ms") or a profile's name; Loss its share of lost datagrams ("5%") or
	// model, and Middlebox what stands on it ("none"), where those are the factors.
	Path      string `json:"path,omitempty"`
	Loss      string `json:"loss,omitempty"`
	Middlebox string `json:"middlebox,omitempty"`
	// Policy is what the connector insists on ("strict", "prefer", "classical"), Accept what the edge does ("all", "pq",
	// "classical", or groups joined with "+"), and Resumed whether the connector comes back with a session ticket, where those are the factors.
	Policy  string `json:"policy,omitempty"`
	Accept  string `json:"accept,omitempty"`
	Resumed bool   `json:"resumed,omitempty"`
	// Load is what was driven at a rate ("handshakes", "requests"), Arrivals how its units came ("poisson", "constant",
	// "trace", "closed" for a closed loop, in which nothing arrives), Rate how many were offered ("50/s"), and Phase the
	// stretch of the schedule; EdgeCores is how many processor cores the edge had to itself.
	Load      string `json:"load,omitempty"`
	Arrivals  string `json:"arrivals,omitempty"`
	Rate      string `json:"rate,omitempty"`
	Phase     string `json:"phase,omitempty"`
	EdgeCores int    `json:"edge_cores,omitempty"`
	// Stack tells whose code did the work where that is the factor ("pqbench", "bare", "cloudflared").
	Stack string `json:"stack,omitempty"`
	// AA marks the control's second appearance under another name: its difference from the control is noise.
	AA bool `json:"aa,omitempty"`
}

// String is the arm in the form of a Go benchmark name: "group=X25519MLKEM768/kem=circl-asm/cert=ecdsa-p256/c=8".
func (a Arm) String() string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+value)
		}
	}
	add("group", a.Group)
	add("codepoint", a.Codepoint)
	add("kem", a.KEM)
	add("cert", a.Cert)
	if a.Initial != 0 {
		add("initial", fmt.Sprint(a.Initial))
	}
	if a.Concurrency != 0 {
		add("concurrency", fmt.Sprint(a.Concurrency))
	}
	if a.Tunnels != 0 {
		add("tunnels", fmt.Sprint(a.Tunnels))
	}
	add("timers", strings.ReplaceAll(a.Timers, "/", ";"))
	add("share", a.Share)
	add("outage", strings.ReplaceAll(a.Outage, " ", "-"))
	add("admission", a.Admission)
	add("silence", a.Silence)
	add("path", a.Path)
	add("loss", strings.ReplaceAll(a.Loss, ",", ";"))
	add("middlebox", a.Middlebox)
	add("policy", a.Policy)
	add("accept", a.Accept)
	if a.Resumed {
		add("resumed", "true")
	}
	add("load", a.Load)
	add("arrivals", a.Arrivals)
	add("rate", strings.TrimSuffix(a.Rate, "/s"))
	add("phase", a.Phase)
	if a.EdgeCores != 0 {
		add("edge_cores", fmt.Sprint(a.EdgeCores))
	}
	add("stack", a.Stack)
	if a.AA {
		add("aa", "true")
	}
	return strings.Join(parts, "/")
}
