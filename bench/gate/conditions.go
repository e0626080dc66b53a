package gate

import (
	"time"

	"pqbench/bench/lab"
	"pqbench/kex"
	"pqbench/results"
)

// A condition is one thing to do over one path, with one offer; all of its numbers go under one arm.
type condition struct {
	arm  results.Arm
	job  lab.Job
	read func([]lab.Result) []Value // without the arm
}

const (
	// far is a round trip at which no timer runs out by itself, and near one at which the initial probe timeout
	// (200 ms, RFC 9002, Section 6.2.2) costs two hundred of them.
	far  = 100 * time.Millisecond
	near = time.Millisecond

	// certificate: an Ed25519 signature has one length, an ECDSA signature three.
	certificate = "ed25519"

	few = 3 // trials where all are alike: the lengths that are drawn (GREASE) differ among them
	// many trials of a lossy path: about a third of them meet a loss, each kind of datagram's several times.
	many = 50
	// counted trials for the median of what one allocates. The first ones of a process also fill its pools.
	counted = 25

	seed = 1
)

// conditions are what is measured, for every group that this build speaks.
func conditions() (all []condition) {
	for _, g := range kex.Groups() {
		if g.InTLS(kex.Fixed()) == nil {
			all = append(all, of(g)...)
		}
	}
	return all
}

// of are a group's conditions: a plain path, a Retry, a HelloRetryRequest, losses near and far, a first request, allocations.
func of(g kex.Group) []condition {
	arm := results.Arm{Group: g.Label(), Path: far.String()}
	cell := lab.Cell{Offer: []string{g.Label()}, Policy: string(kex.Strict), Accept: "all", Cert: certificate, RTT: far, Loss: "0"}
	plain := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: few, Ledger: true}, messages}

	retry := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: few, Ledger: true, Retry: true}, flights}
	retry.arm.Path += ", Retry"

	request := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: few, Requests: []int{1000}}, registered}

	all := []condition{plain, retry, request}
	if other, ok := elsewhere(g); ok {
		again := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: few, Ledger: true}, second}
		again.job.Cell.Offer, again.job.Cell.Accept = []string{g.Label(), other.Label()}, other.Label()
		again.arm.Group, again.arm.Accept = g.Label()+"+"+other.Label(), other.Label()
		all = append(all, again)
	}
	for _, rtt := range []time.Duration{near, far} {
		lossy := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: many}, losses}
		lossy.job.Cell.RTT, lossy.job.Cell.Loss = rtt, "5%"
		lossy.arm.Path, lossy.arm.Loss = rtt.String(), "5%"
		all = append(all, lossy)
	}
	allocs := condition{arm, lab.Job{Cell: cell, Seed: seed, Count: counted, Allocs: true}, allocations}
	if g.Hybrid() {
		allocs.arm.KEM = string(kex.Fixed())
	}
	return append(all, allocs)
}

// elsewhere is a group for which a ClientHello that prefers g carries no share: the edge that accepts nothing else has to ask
// for one (RFC 8446, Section 4.1.4). crypto/tls prefers hybrids, and of two curves the smaller: secp384r1 has nothing below it.
func elsewhere(g kex.Group) (other kex.Group, ok bool) {
	name := "secp384r1"
	switch {
	case g.Label() == name:
		return other, false
	case g.ECDH == name:
		name = "secp256r1" // the hybrid's own curve might come along with it
	}
	other, err := kex.ByName(name)
	if err != nil {
		panic(err) // every build has both
	}
	return other, true
}
