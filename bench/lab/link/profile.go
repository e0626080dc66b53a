package link

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/kex"
)

// A Profile is a named path without middleboxes.
type Profile struct {
	Name   string
	Path   Path
	Source string // where the numbers are from
}

const (
	kbit int64 = 1_000
	mbit       = 1_000 * kbit
	gbit       = 1_000 * mbit
)

// both is a path that is the same each way, by its one-way delay.
func both(delay time.Duration, rate int64, loss float64) Path {
	d := Direction{Delay: delay, Rate: rate}
	if loss > 0 {
		d.Loss = IID{loss}
	}
	return Symmetric(d)
}

// uneven is a lossless path with a rate of its own each way, by its round trip.
func uneven(rtt time.Duration, up, down int64) Path {
	return Path{Up: Direction{Delay: rtt / 2, Rate: up}, Down: Direction{Delay: rtt / 2, Rate: down}}
}

// conext says what the five conditions of the paper have in common: each is the arguments that tc gave to netem, on the outgoing
// interface of either end, so a delay counts twice in a round trip.
const conext = "Sosnowski et al., The Performance of Post-Quantum TLS 1.3 (CoNEXT 2023), Table 4; tumi8/pqs-tls-measurements, netem arguments on both ends: "

// profiles from near to far, then the conditions of the paper.
var profiles = []Profile{
	{"lan", both(100*time.Microsecond, gbit, 0),
		"a chosen figure: 1000BASE-T (IEEE 802.3ab) and 0.2 ms through switches and hosts"},
	{"datacenter", both(134*time.Microsecond, 10*gbit, 0),
		"Guo et al., Pingmesh (SIGCOMM 2015): median round trip between pods 268 µs; servers on 10 Gbit/s"},
	{"cable", uneven(28*time.Millisecond, mbit, 5*mbit),
		"WebPageTest, connectivity profile Cable: 5/1 Mbit/s, 28 ms round trip, no loss"},
	{"wifi", uneven(2*time.Millisecond, 33*mbit, 40*mbit),
		"Apple Network Link Conditioner, preset Wi-Fi: 40/33 Mbit/s, 1 ms each way, no loss; the wireless hop alone"},
	{"transatlantic", both(45*time.Millisecond, 0, 0),
		"Verizon, transatlantic latency service level: 90 ms round trip between New York and London"},
	{"geo", uneven(558*time.Millisecond, 10*mbit, 50*mbit),
		"RFC 2488, Section 2: 279 ms one way at the edge of the view; draft-kuhn-quic-4-sat: 50/10 Mbit/s, no loss"},
	{"conext-loss", both(0, 0, 0.10), conext + "loss 10%"},
	{"conext-rate", both(0, mbit, 0), conext + "rate 1mbit"},
	{"conext-delay", both(500*time.Millisecond, 0, 0), conext + "delay 500ms"},
	{"lte-m", both(100*time.Millisecond, mbit, 0.10), conext + "loss 10% delay 100ms rate 1mbit"},
	{"5g", both(22*time.Millisecond, 880*mbit, 0.04), conext + "loss 4% delay 22ms rate 880mbit"},
}

// Profiles returns all profiles. The last five are the conditions of CoNEXT 2023.
func Profiles() []Profile { return slices.Clone(profiles) }

// ParseProfile returns the profile of that name. "conext-lte-m" and "conext-5g" are accepted for the two of the paper's
// conditions that have names of their own.
func ParseProfile(name string) (Profile, error) {
	wanted := strings.ToLower(strings.TrimSpace(name))
	var names []string
	for _, p := range profiles {
		names = append(names, p.Name)
		if p.Name == wanted || strings.HasPrefix(p.Source, conext) && "conext-"+p.Name == wanted {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("unknown profile %q%s: there are %s", name, kex.DidYouMean(wanted, names), strings.Join(names, ", "))
}
