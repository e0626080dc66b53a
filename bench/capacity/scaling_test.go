package capacity

import (
	"cmp"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/results"
	"pqbench/results/stats"
)

// A law that the made-up knees follow to the letter.
var madeLaw = stats.USL{Lambda: 1000, Sigma: 0.05, Kappa: 0.001}

// knees are verified ones of X25519 at so many cores; change makes them something else.
func knees(change func(values map[string]float64), cores ...int) (arms []made) {
	for _, n := range cores {
		values := map[string]float64{"knee_rate": madeLaw.At(float64(n)), "knee_verified": 1, "generator_cpu_share": 0.5, "calibration_passed": 1}
		if change != nil {
			change(values)
		}
		arms = append(arms, made{"knee", results.Arm{Group: "X25519", EdgeCores: n, Load: "handshakes"}, values})
	}
	return arms
}

// The scalability law is fitted where knees were measured at enough numbers of cores, and refused elsewhere.
func TestScaling(t *testing.T) {
	scalings := func(cores int, arms []made) []Costs {
		want := target()
		m, err := Read([]string{folder(t, 0, 2, func(m *results.Manifest) { m.Host.Cores = cores }, append(all(), arms...)...)}, &want)
		require.NoError(t, err)
		return m.Costs
	}
	got := scalings(16, knees(nil, 1, 2, 4, 8))
	require.InDelta(t, 1/(1+0.05*7+0.001*56), got[0].Scaling.efficiency(8), 1e-3)
	require.Equal(t, 8, got[0].Scaling.Most)
	require.Empty(t, got[0].Scaling.Dropped)
	require.Contains(t, got[1].Scaling.Refused, "no run has experiment knee for X25519MLKEM768")

	other := knees(func(values map[string]float64) { values["knee_rate"] /= 3 }, 1, 2, 4, 8)
	for i := range other {
		other[i].arm.Cert = "rsa-2048"
	}
	require.InDelta(t, madeLaw.Lambda, scalings(16, append(other, knees(nil, 1, 2, 4, 8)...))[0].Scaling.Fit.Lambda, 1, "one certificate's knees alone")

	few := scalings(2, knees(nil, 1))[0].Scaling
	require.Contains(t, few.Refused, "measurements at 1 numbers of processors are too few")
	require.Contains(t, few.Refused, "the host has 2 cores")
	require.Equal(t, 1.0, few.efficiency(8))
}

// A knee that tells of the generator, or of nothing, is left out with its reason; of too few that remain there is no fit.
func TestScalingLeavesOut(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]float64
		cores  int // of the host; 0 is many
		why    string
	}{
		"unverified":         {map[string]float64{"knee_verified": 0}, 0, "the knee was not verified"},
		"nothing found":      {map[string]float64{"knee_rate": 0}, 0, "no rate was within the bounds"},
		"generator's CPU":    {map[string]float64{"generator_cpu_share": 0.97}, 0, "generator-bound: it used 97 % of the CPU"},
		"least edge fails":   {map[string]float64{"calibration_passed": 0}, 0, "generator-bound: an edge that does the least possible"},
		"no core to be left": {nil, 16, "the edge had all 16 cores of the host"},
	} {
		t.Run(name, func(t *testing.T) {
			want := target()
			bad := knees(func(values map[string]float64) {
				// Had it a say, no law would come of it.
				values["knee_rate"] = 1
				maps.Copy(values, test.change)
			}, 16)
			read := func(good ...int) *Plan {
				host := func(m *results.Manifest) { m.Host.Cores = cmp.Or(test.cores, 32) }
				m, err := Read([]string{folder(t, 0, 2, host, append(append(all(), knees(nil, good...)...), bad...)...)}, &want)
				require.NoError(t, err)
				return &Plan{Target: want, Measured: m}
			}
			p := read(1, 2, 4, 8)
			s := p.Measured.Costs[0].Scaling
			require.Empty(t, s.Refused)
			require.InDelta(t, madeLaw.Sigma, s.Fit.Sigma, 1e-3)
			require.Equal(t, 8, s.Most)
			require.Len(t, s.Dropped, 2, "a block each")
			require.Contains(t, s.Dropped[0], "16 cores, block 1: "+test.why)
			require.Contains(t, strings.Join(p.scalingSection().list, "\n"), test.why)

			p = read(1, 2, 4)
			s = p.Measured.Costs[0].Scaling
			require.Contains(t, s.Refused, "measurements at 3 numbers of processors are too few")
			require.Equal(t, 1.0, s.efficiency(8))
			require.Contains(t, strings.Join(p.scalingSection().list, "\n"), test.why)
		})
	}
}
