package results

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDirection(t *testing.T) {
	for _, test := range []struct {
		effect float64
		better string
		want   string
	}{
		{0.1, "lower", VerdictRegressed},
		{-0.1, "lower", VerdictImproved},
		{0.1, "higher", VerdictImproved},
		{-0.1, "higher", VerdictRegressed},
		{0, "lower", VerdictUnchanged},
		{-0.1, "", VerdictRegressed}, // a plain fact that changed
	} {
		assert.Equal(t, test.want, Direction(test.effect, test.better), "%+v", test)
	}
}

func TestFindingsVerdict(t *testing.T) {
	for _, test := range []struct {
		name     string
		verdicts []string
		want     string
	}{
		{"nothing found is no pass", nil, VerdictInconclusive},
		{"one regression outweighs all", []string{VerdictImproved, VerdictUnchanged, VerdictInconclusive, VerdictRegressed}, VerdictRegressed},
		{"missing is never a pass", []string{VerdictUnchanged, VerdictMissing}, VerdictRegressed},
		{"undecided", []string{VerdictImproved, VerdictInconclusive}, VerdictInconclusive},
		{"improved", []string{VerdictUnchanged, VerdictImproved}, VerdictImproved},
		{"new beside others", []string{VerdictNew, VerdictUnchanged}, VerdictUnchanged},
	} {
		var f Findings
		for _, v := range test.verdicts {
			f.Findings = append(f.Findings, Finding{Verdict: v})
		}
		assert.Equal(t, test.want, f.Verdict(), test.name)
	}
}

// What fails of itself fails the whole, whatever its verdict.
func TestAnImprovementCanFail(t *testing.T) {
	f := Findings{Findings: []Finding{{Verdict: VerdictUnchanged}, {Verdict: VerdictImproved, Fails: true}}}
	assert.Equal(t, VerdictRegressed, f.Verdict())
}

// Of two programs that had nothing in common nothing was compared; the exact tier's numbers of a new toolchain are new.
func TestAllNew(t *testing.T) {
	all := []Finding{{Verdict: VerdictNew}, {Verdict: VerdictNew}}
	assert.Equal(t, VerdictInconclusive, Findings{Tier: TierPaired, Findings: all}.Verdict())
	assert.Equal(t, VerdictUnchanged, Findings{Tier: TierPaired, Findings: append(all, Finding{Verdict: VerdictUnchanged})}.Verdict())
	assert.Equal(t, VerdictUnchanged, Findings{Tier: TierExact, Findings: all}.Verdict())
}
