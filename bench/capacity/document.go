package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pqbench/tunnel/edge"
)

// sections are the report, from the answer down to what it rests on.
func (p *Plan) sections() []section {
	out := []section{p.answerSection(), p.dimensionSection(), p.totalSection(), p.stormSection(), p.checkSection(), p.whatIfSection(), p.costSection(), p.scalingSection(), p.assumptionSection()}
	if w := p.warnings(); len(w) > 0 {
		out = append(out[:1], append([]section{{title: "Warnings", list: w}}, out[1:]...)...)
	}
	return out
}

// asked is the target in words.
func (t *Target) asked() string {
	text := fmt.Sprintf("%s tunnels of %d connections", count(t.Tunnels), t.Connections)
	if t.Connections == 1 {
		text = count(t.Tunnels) + " tunnels of one connection"
	}
	if t.RPS > 0 {
		text += fmt.Sprintf(", %s requests/s", figures(t.RPS, 6))
	}
	if t.Egress > 0 {
		name, divisor := scaleOf("bit/s", t.Egress)
		text += fmt.Sprintf(", %s %s of egress", figures(t.Egress/divisor, 4), name)
	}
	return text + fmt.Sprintf(", %s of all connections back within %v after %v without an edge", percent(t.RecoverShare), t.Recover, t.Outage)
}

func (t *Target) host() string {
	memory, divisor := scaleOf("B", float64(t.Memory))
	nic, per := scaleOf("bit/s", t.NIC)
	return fmt.Sprintf("%d cores, %s %s, %s %s, %s headroom", t.Cores, figures(float64(t.Memory)/divisor, 4), memory, figures(t.NIC/per, 4), nic, percent(t.Headroom))
}

func (p *Plan) answerSection() section {
	s := section{title: "What " + count(p.Target.Tunnels) + " tunnels need"}
	s.paragraphs = append(s.paragraphs, fmt.Sprintf("Asked for: %s; on hosts of %s.", p.Target.asked(), p.Target.host()))
	for i := range p.Answers {
		s.paragraphs = append(s.paragraphs, p.sentence(i))
	}
	if len(p.Answers) > 1 && p.Answers[0].Binding != "" {
		for i := range p.Answers[1:] {
			s.paragraphs = append(s.paragraphs, p.price(&p.Answers[i+1]))
		}
	}
	return s
}

// sentence is a group's answer.
func (p *Plan) sentence(i int) string {
	a := &p.Answers[i]
	refused := a.refused()
	switch {
	case a.impossible():
		if a.Law.Never {
			return fmt.Sprintf("%s: no number of hosts. The connectors' own waits do not bring %s back at all, however fast the edge is.", a.Group, percent(p.Target.RecoverShare))
		}
		if a.Law.Low <= p.Target.Recover {
			return fmt.Sprintf("%s: no number of hosts is sure to do. The connectors' own waits bring %s back after %s, as their dice fall, however fast the edge is: what is asked for lies among that. Allow more time with --recover-within.",
				a.Group, percent(p.Target.RecoverShare), a.Law.text())
		}
		return fmt.Sprintf("%s: no number of hosts. The connectors' own waits (what they take to find out included) bring %s back after %s at the earliest, however fast the edge is; allow more than that with --recover-within.",
			a.Group, percent(p.Target.RecoverShare), a.Law.text())
	case a.Binding == "":
		return fmt.Sprintf("%s: no answer. Every dimension was refused, see below.", a.Group)
	}
	text := fmt.Sprintf("%s: %s%s %s; plan for %s. What binds: %s.", a.Group, a.bound(), hosts(a.Hosts), plural(a.Hosts.Value == 1 && a.Hosts.High == 1, "host"), a.plan(), a.Binding)
	if len(refused) > 0 {
		text += fmt.Sprintf(" This is a lower bound, no answer: of %s not everything was measured.", strings.Join(refused, " and "))
	}
	return text
}

// refused are the dimensions without an answer, or with a lower bound alone.
func (a *Answer) refused() (names []string) {
	for _, d := range a.Dimensions {
		if (d.Refused != "" || d.AtLeast != "") && !d.never {
			names = append(names, d.Name)
		}
	}
	return names
}

// bound is "at least " before what is a lower bound.
func (a *Answer) bound() string {
	if len(a.refused()) > 0 {
		return "at least "
	}
	return ""
}

// plan is the number of hosts to plan for.
func (a *Answer) plan() string { return a.bound() + count(int(a.Hosts.High)) }

// price is what a group costs more than the control.
func (p *Plan) price(a *Answer) string {
	control := &p.Answers[0]
	if a.Binding == "" || a.impossible() || control.impossible() {
		return fmt.Sprintf("%s against %s: cannot be said without both answers.", a.Group, control.Group)
	}
	d := Difference(control, a)
	text := fmt.Sprintf("%s instead of %s: %s %s", a.Group, control.Group, signed(d.Value), plural(math.Abs(d.Value) == 1, "host"))
	if d.Low != d.High {
		text += fmt.Sprintf(" [%s, %s]", signed(d.Low), signed(d.High))
	}
	if d.Low <= 0 && d.High >= 0 {
		return text + "; this measurement cannot tell it from none."
	}
	return text + fmt.Sprintf(" (%s %%).", signed(100*d.Value/control.Hosts.Value))
}

func signed(v float64) string {
	text := figures(v, 3)
	if v > 0 {
		return "+" + text
	}
	return text
}

func (p *Plan) dimensionSection() section {
	s := section{title: "Hosts by dimension", head: []string{"dimension"}, figures: []string{curveFigure}}
	for _, a := range p.Answers {
		s.head = append(s.head, a.Group+": need", "hosts", "binds")
	}
	for d, dim := range dimensions {
		row := []string{dim.name}
		for _, a := range p.Answers {
			got := a.Dimensions[d]
			if got.Refused != "" {
				row = append(row, "refused", "–", "–")
				continue
			}
			least := ""
			if got.AtLeast != "" {
				least = "≥ "
			}
			row = append(row, least+quantity(got.Need, got.Unit), least+bracketed(got.Hosts, 1, 3), percent(got.Binds))
		}
		s.rows = append(s.rows, row)
	}
	seen := map[string]bool{}
	for _, a := range p.Answers {
		for _, d := range a.Dimensions {
			if d.Refused != "" && !seen[d.Name+d.Refused] {
				seen[d.Name+d.Refused] = true
				s.list = append(s.list, fmt.Sprintf("%s refused for %s: %s", d.Name, a.Group, d.Refused))
			}
			if d.AtLeast != "" && !seen[d.Name+d.AtLeast] {
				seen[d.Name+d.AtLeast] = true
				s.list = append(s.list, fmt.Sprintf("%s is a lower bound for %s: %s", d.Name, a.Group, d.AtLeast))
			}
		}
	}
	for i := range p.Answers {
		if a := &p.Answers[i]; a.Uneven > 1 {
			s.list = append(s.list, fmt.Sprintf("%s: %s has %s %% more hosts than its need on average, because the simulation says that it takes so many (connections choose hosts at random, and what comes at one moment queues); so have what-ifs and curves",
				a.Group, dimStorm, figures(100*(a.Uneven-1), 2)))
		}
	}
	s.list = append(s.list, "hosts are the need over what one host has for it; [95 % interval]; binds: in how many of the draws no other dimension asks for more")
	return s
}

// totalSection is the shopping list.
func (p *Plan) totalSection() section {
	s := section{title: "To be bought", head: []string{""}}
	rows := [][]string{{"hosts"}, {"cores"}, {"memory"}, {"network, each way"}}
	for _, a := range p.Answers {
		s.head = append(s.head, a.Group)
		n := a.Hosts.High
		if a.Binding == "" || a.impossible() {
			for i := range rows {
				rows[i] = append(rows[i], "–")
			}
			continue
		}
		for i, text := range []string{count(int(n)), count(int(n) * p.Target.Cores), total(n*float64(p.Target.Memory), "B"), total(n*p.Target.NIC, "bit/s")} {
			rows[i] = append(rows[i], a.bound()+text)
		}
	}
	s.rows = rows
	s.list = p.ports()
	return s
}

func total(v float64, unit string) string {
	name, divisor := scaleOf(unit, v)
	return figures(v/divisor, 4) + " " + name
}

// ephemeral is how many ports a source address has for connections to one edge address: those that are not privileged.
const ephemeral = 65535 - 1023

func (p *Plan) ports() []string {
	each := p.Target.Connections
	return []string{
		"ports at the edge: one UDP port for tunnels and one TCP port for eyeballs on each host; connectors dial in, so the edge needs no ephemeral ports for them",
		fmt.Sprintf("ports of connectors: %s UDP sockets in all, %d for each tunnel; behind one NAT address at most %s tunnels can reach one edge address (%s ports)",
			count(p.Target.Tunnels*each), each, count(ephemeral/each), count(ephemeral)),
	}
}

func (p *Plan) stormSection() section {
	s := section{title: "The storm", head: []string{"simulated on the hosts found"}, figures: []string{stormFigure}}
	for i := range p.Answers {
		if a := &p.Answers[i]; a.Storm != nil && (i == 0 || a.Law != p.Answers[0].Law) {
			s.paragraphs = append(s.paragraphs, fmt.Sprintf(
				"%s: the connectors' law alone, at an edge that computes no time at all, brings %s back after %s, finding out that the edge is gone included. The rest is the edge's queue.", a.Group, percent(p.Target.RecoverShare), a.Law.text()))
		}
	}
	names := []string{"hosts", "reconnections/s that are needed", "50 % back after", "99 % back after", "all back after", "99 % of tunnels reachable after", "peak, registrations/s",
		"dials", "of these timed out", "Retries", "first flights lost to a full queue", "handshakes computed in vain", "longest wait for a core"}
	s.rows = make([][]string, len(names))
	for i, name := range names {
		s.rows[i] = []string{name}
	}
	for i := range p.Answers {
		a := &p.Answers[i]
		s.head = append(s.head, a.Group)
		for k, text := range a.stormColumn(len(names)) {
			s.rows[k] = append(s.rows[k], text)
		}
	}
	s.list = []string{"times count from the edge's return; the peak is of a second"}
	return s
}

func (a *Answer) stormColumn(rows int) []string {
	if a.Storm == nil {
		out := make([]string, rows)
		for i := range out {
			out[i] = "–"
		}
		return out
	}
	r := &a.Storm.Result
	rate := needed(a.Rate, "none is sure to be enough")
	if low, high := slices.Min(a.Rates), slices.Max(a.Rates); a.Rate > 0 && low != high {
		rate += fmt.Sprintf(" [%s, %s]", figures(low, 3), figures(high, 3))
	}
	return []string{count(a.Storm.Config.Hosts), rate, after(r.Recovered(0.5)), after(r.Recovered(0.99)), after(r.Recovered(1)), after(r.Reached(0.99)),
		figures(r.Peak(time.Second), 3), count(r.Dials), count(r.Timeouts), count(r.Retries), count(r.Lost), count(r.InVain), figures(r.LongestWait.Seconds(), 3) + " s"}
}

func (p *Plan) whatIfSection() section {
	s := section{title: "What if", head: []string{"with"}}
	for _, a := range p.Answers {
		s.head = append(s.head, a.Group+": law alone", "needed /s", "hosts")
	}
	row := []string{"as asked"}
	for i := range p.Answers {
		a := &p.Answers[i]
		row = append(row, a.Law.text(), needed(a.Rate, "–"), whatIfHosts(int(a.Hosts.Low), int(a.Hosts.Value), int(a.Hosts.High), a.impossible(), a.bound()))
	}
	s.rows = append(s.rows, row)
	for _, w := range p.WhatIfs {
		row := []string{w.Change}
		for i, a := range w.Answers {
			row = append(row, a.Law.text(), needed(a.Rate, "–"), whatIfHosts(a.Low, a.Hosts, a.High, a.Hosts == 0, p.Answers[i].bound()))
		}
		s.rows = append(s.rows, row)
	}
	s.list = []string{
		fmt.Sprintf("law alone: %s back at an edge that computes no time at all; needed: reconnections a second; none: no number of hosts is sure to be back in time", percent(p.Target.RecoverShare)),
		fmt.Sprintf("behind the first row, whose interval is that of the costs, [ ] is the least and the most of %d storms with dice of their own", whatIfThrows),
	}
	return s
}

// needed is a rate of reconnections in words, or that there is none.
func needed(rate float64, none string) string {
	if rate > 0 {
		return figures(rate, 3)
	}
	return none
}

func whatIfHosts(low, n, high int, none bool, bound string) string {
	if none {
		return "none"
	}
	if low == high {
		return bound + count(n)
	}
	return fmt.Sprintf("%s%s [%s, %s]", bound, count(n), count(low), count(high))
}

// titles of the costs, and their units.
var titles = map[string]struct{ title, unit string }{
	edgeHandshake:    {"CPU per handshake, edge", "ns"},
	peerHandshake:    {"CPU per handshake, connector", "ns"},
	reconnection:     {"CPU per handshake and registration, edge", "ns"},
	peerReconnection: {"CPU per handshake and registration, connector", "ns"},
	request:          {"CPU per request, edge", "ns"},
	gigabyte:         {"CPU per GB of bodies, edge", "ns"},
	heldMemory:       {"memory per connection, edge", "B"},
	upkeep:           {"CPU per connection and second, edge", "ns"},
	peerUpkeep:       {"CPU per connection and second, connector", "ns"},
	floor:            {"CPU per second with connections at all, edge", "ns"},
	peerFloor:        {"CPU per second with connections at all, connector", "ns"},
	keepAliveIn:      {"keep-alives per connection and second, to the edge", "B"},
	keepAliveOut:     {"keep-alives per connection and second, from the edge", "B"},
	clientBytes:      {"IPv4 bytes per handshake, to the edge", "B"},
	serverBytes:      {"IPv4 bytes per handshake, from the edge", "B"},
	clientFlight:     {"datagrams of the client's first flight", ""},
	serverFlight:     {"datagrams of the server until Finished", ""},
}

func (p *Plan) costSection() section {
	s := section{title: "Unit costs", head: []string{"cost"}}
	for _, c := range p.Measured.Costs {
		s.head = append(s.head, strings.TrimSuffix(c.Group+", KEM by "+c.Provider, ", KEM by "))
	}
	s.head = append(s.head, "blocks", "from")
	for _, source := range sources {
		row := []string{titles[source.cost].title}
		var blocks, from []string
		for i := range p.Measured.Costs {
			cost := p.Measured.Costs[i].cost(source.cost)
			if cost == nil {
				row = append(row, "–")
				continue
			}
			row = append(row, quantity(cost.Interval, titles[source.cost].unit))
			blocks, from = once(blocks, count(cost.Blocks)), once(from, cost.Experiment+" of "+cost.Run)
		}
		if from == nil {
			blocks, from = []string{"–"}, []string{source.experiment + ": missing"}
		}
		s.rows = append(s.rows, append(row, strings.Join(blocks, " and "), strings.Join(from, " and ")))
	}
	s.list = []string{"medians over blocks with distribution-free 95 % intervals"}
	return s
}

// once appends what is not there.
func once(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// warnings are those of the runs, and of storms that take too long.
func (p *Plan) warnings() []string {
	out := slices.Clone(p.Measured.Warnings)
	for i := range p.Answers {
		if late := p.Answers[i].Late; late != "" {
			out = append(out, p.Answers[i].Group+": "+late)
		}
		if far := p.Target.extrapolatedUpkeep(&p.Measured.Costs[i], &p.Answers[i]); far != "" {
			out = append(out, far)
		}
	}
	return out
}

// extrapolated says how far upkeep and memory are carried beyond what was measured.
func (p *Plan) extrapolated() string {
	text := "Memory is what further connections add between the smallest and the largest fleet that was measured, upkeep what they add between the two largest"
	for i := range p.Answers {
		if a := &p.Answers[i]; a.Hosts.Value > 0 && !a.impossible() {
			text += fmt.Sprintf("; a host of the answer for %s holds %s connections", a.Group, figures(p.Target.connections()/a.Hosts.Value, 2))
		}
	}
	return text + ". Timers that fall due together wake a processor once: small fleets cost more for each connection than busy hosts do."
}

// assumptionSection lists what the answer takes for granted.
func (p *Plan) assumptionSection() section {
	t := &p.Target
	s := section{title: "What this takes for granted"}
	s.list = append(s.list,
		"Costs are those of "+hostOf(p.Measured.Host)+". Other hosts need other costs: measure there and give the folder with --run.",
		"Edge and load shared the machine that was measured; what they cost each other (caches, the kernel charging part of receiving a datagram to its sender) is in the costs.",
		fmt.Sprintf("Normal operation uses %s of cores, memory and network; a storm may use all of them. Requests and egress go on during the storm at their normal rate.", percent(1-t.Headroom)),
		"A request's CPU is that of an answer of the size measured (1 KiB unless the plan says otherwise), a GB's that of bulk transfers half down and half up; what is both is counted twice.",
		p.Measured.perConnection(t.Connections),
		p.extrapolated(),
		fmt.Sprintf("The busier direction of the network is from the tunnels: bodies and %s for QUIC, UDP and IPv4 at 1,439 bytes of UDP payload; keep-alives and handshakes with %d bytes of IPv4 and UDP headers a datagram. NICs are full duplex; a storm comes on top of normal operation.", percent(tunnelOverhead), headers),
		fmt.Sprintf("In the storm every connection of the fleet is lost at the same moment, silently; the edge is away for %v and returns whole. Connections find out by their idle time-out (%v after a PING, one each %v).", t.Outage, t.Idle, t.KeepAlive),
		"Connectors wait by the law of package connector: alone below 2 s, 4 s, … 32 s, and all connections but 0 of a tunnel together below 20 s, 40 s, … 320 s more.",
		"Each dial finds one of the hosts at random. Handshakes queue for a core first come, first served, and so do their registrations when the client has answered; both are computed also for clients that have given up.",
		fmt.Sprintf("An edge accepts connections as fast as their handshakes complete. quic-go refuses them when %d wait to be accepted and nobody is free to, which a saturated edge can run into: the last per cent of a real fleet may then come later than simulated.", acceptQueue),
		"Who is back stays. At an edge without time round trips are long, and with them quic-go's keep-alives rare (1.5 probe time-outs): some of a real fleet are then lost again, and come back later than simulated.",
		fmt.Sprintf("First flights beyond what a receive buffer of 7 MiB holds are lost (quic-go asks for so much; net.core.rmem_max must allow it), and above %d handshakes in progress an edge asks for a Retry, whose own CPU is not counted.", edge.DefaultRetryAbove),
		fmt.Sprintf("Connectors compute on machines of their own, %v away, with a loss of %s each way; a flight that loses a datagram is sent again after a probe time-out (200 ms, doubling).", t.RTT, percent(t.Loss)),
	)
	s.list = append(s.list,
		"Not counted: the eyeballs' own TLS handshakes with the edge, the memory of requests in flight, and the bytes of Retries, of flights that are sent again and of dials that time out.",
		"Where the scaling over cores was fitted its own interval is not in those of hosts; where it was not, a core of a larger host is taken to do as much as one that was measured.")
	for i := range p.Measured.Costs {
		c := &p.Measured.Costs[i]
		if c.cost(reconnection) == nil {
			s.list = append(s.list, c.Group+": a reconnection is taken for a handshake; the registration over it was not measured and is left out.")
		}
		spread := "spread like the times of handshakes one at a time, scaled to the CPU time: an upper bound of their own spread"
		if c.Shape == nil {
			spread = "constant: no run has enough handshakes one at a time to tell their spread"
		}
		s.list = append(s.list, c.Group+": service times are "+spread+".")
	}
	return s
}
