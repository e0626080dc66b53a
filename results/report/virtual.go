package report

import (
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// virtualMethod is how the numbers of a run in virtual time were made: nothing in it is the machine's.
func virtualMethod(m results.Manifest) []fact {
	clock := "The fake clock of testing/synctest. It moves only when everything waits, so that computing takes no time."
	if m.Computing != "" {
		clock = "The fake clock of testing/synctest. Computing takes the CPU time that run " + m.Computing + " measured, in three steps of each handshake: the client's key share before its first datagram, " +
			"all of the server's between ClientHello and answer, and the rest of the client's before its Finished. What the kernel did and other processes took is in it as far as getrusage charges it."
	}
	return []fact{
		{"Trials", "A trial is one dial of each offer over one draw of the path: all offers of a cell meet the same losses, jitter and order, " +
			"drawn from the seed, the trial, the direction and the number of the datagram. Offers are compared trial by trial."},
		{"Values", "Means over the trials of a cell with Student's 95 % interval; percentiles of all trials with the interval between two of them. These intervals are about what another seed would " +
			"draw. Datagrams and bytes are the median, with the least and the greatest seen. A percentile with fewer than ten samples beyond it is not printed."},
		{"Exact", "Columns marked = have the same values in every run with the same seed and versions, on every machine. The others have their intervals, and vary between runs, too: " +
			"on a path with a rate, where the random length of a signature is time, and of larger requests, by the order in which goroutines run at one instant."},
		{"Differences", fmt.Sprintf("The ratio of the means to the base's, with the 95 %% interval that the pairs of trials give. It is called a difference when Student's paired test, "+
			"corrected over all paths and offers of the metric (Holm–Bonferroni), says so; equal (≈) when the interval lies within ±2 %%; and otherwise undecided (~), with a ? where the "+
			"interval alone, which is not corrected, would see one. Fewer than %d trials give no interval.", stats.MinBlocks)},
		{"Clock", clock},
		{"Failures", "A failed handshake stays in the denominator. In a percentile it counts as longer than every other one; in a mean it counts with the time until it failed, " +
			"which is less than it would have taken: such a mean is a lower bound."},
	}
}

// foreignTargets are the servers that a run was aimed at.
func foreignTargets(m results.Manifest) string {
	var at []string
	for _, e := range m.Experiments {
		if e.Target != "" && !slices.Contains(at, e.Target) {
			at = append(at, e.Target)
		}
	}
	return strings.Join(at, " and ")
}

// limits are those of the run.
func limits(m results.Manifest) []string {
	const direction = "The tunnel's handshake runs from right to left: the connector is the client and sends the ClientHello, the edge is the server and pays the server's share."
	if m.Virtual {
		computing := "Network time only: computing takes none. On a path of a few hundred microseconds that is most of what a real handshake takes."
		ends := "The path is a model: losses and delays are drawn, nobody else uses it, and both ends always have a processor."
		if m.Computing != "" {
			computing = "The CPU time is a median of another run, the same for every handshake and however many datagrams it takes; in a real process it varies."
			ends = "The path is a model: losses and delays are drawn, and nobody else uses it. A client always has a processor; a server has its cores, on which nothing else runs."
		}
		return []string{
			computing,
			ends,
			"A middlebox is met by a handshake, a registration and a request of 1 kB; what a NAT forgets afterwards shows in the experiment silence alone.",
			"quic-go marks its 1-RTT packets for ECN where a middlebox acts on that, and nowhere else: cloudflared switches marking off.",
			"The stack is quic-go's with cloudflared's settings: its initial probe time-out of 200 ms decides much of what a loss costs near by, and other stacks wait longer.",
			direction,
		}
	}
	if at := foreignTargets(m); at != "" {
		return []string{
			"The server is at " + at + ", and not this program's: times hold the way there and what it does, and what it spends is not known. " +
				"A handshake that it chose another group for is counted by what it chose.",
			direction,
			"The generator's own part was measured at an edge of this program's on loopback, where it is called the least edge.",
		}
	}
	return []string{
		"Everything runs on one host, over loopback: there is no propagation delay and no loss, so that times show computing and not a network.",
		"On loopback the kernel's work of receiving a packet is partly charged to the process that sent it: the division of CPU between the two sides is less sure than their sum.",
		direction,
		"Client, server and load share the host's cores, and what they wait for each other is in the times.",
	}
}
