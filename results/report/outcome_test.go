package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"pqbench/results"
)

// How an offer fares, in words, and whether an operator would say that it connects.
func TestOutcomes(t *testing.T) {
	for name, tc := range map[string]struct {
		experiment string
		sample     results.Sample
		values     map[string]float64
		want       string
		connects   bool
	}{
		"connects":   {middleboxes, results.Sample{Group: "X25519"}, nil, "X25519", true},
		"falls back": {middleboxes, results.Sample{Group: "X25519"}, map[string]float64{"hello_retry_requests": 1}, "X25519 after a HelloRetryRequest", true},
		"no tunnel": {middleboxes, results.Sample{Group: "X25519", Detail: "register connection 0: context deadline exceeded"}, map[string]float64{"unregistered": 1},
			"X25519, but no tunnel (register connection 0: context deadline exceeded)", false},
		"fails": {middleboxes, results.Sample{Class: results.ClassIdle, Detail: "timeout: no recent network activity"}, nil,
			"failed, idle (timeout: no recent network activity)", false},
		"refused": {middleboxes, results.Sample{Class: results.ClassCrypto, Detail: "CRYPTO_ERROR 0x128 (remote): tls: handshake failure"}, nil,
			"refused, 0x128 (tls: handshake failure)", false},
		"policy": {policy, results.Sample{Class: results.ClassCrypto, Detail: "CRYPTO_ERROR 0x128 (remote): tls: handshake failure"}, nil, "refused, 0x128", false},
	} {
		a := armRecords{ArmOf: results.ArmOf{Experiment: tc.experiment},
			trials: map[int]results.Trial{0: {Values: tc.values}}, samples: map[int][]results.Sample{0: {tc.sample}}}
		assert.Equal(t, tc.want, a.outcome(), name)
		assert.Equal(t, tc.connects, connects(a.outcome()), name)
	}
}

// Who connects without a middlebox is whom the others are counted of.
func TestMiddleboxSentence(t *testing.T) {
	outcome := func(group, box, text string) results.Outcome {
		return results.Outcome{Experiment: middleboxes, Arm: results.Arm{Group: group, Middlebox: box}, Text: text}
	}
	all := []results.Outcome{
		outcome("A", none, "A"), outcome("B", none, "B"), outcome("C", none, "refused, 0x128"),
		outcome("A", "block-ecn", "A, but no tunnel (x)"), outcome("B", "block-ecn", "B"), outcome("C", "block-ecn", "refused, 0x128"),
	}
	assert.Equal(t, "Of 2 offers that connect without a middlebox connect through each of these: block-ecn 1.",
		lookup{results.Summary{Outcomes: all}}.middleboxSentence())
	assert.Equal(t, "Of 3 offers connect through each of these: block-ecn 1.", lookup{results.Summary{Outcomes: all[3:]}}.middleboxSentence())
	assert.Empty(t, lookup{}.middleboxSentence())
}
