package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The SPEC SDM91 results of a Sun SPARCcenter 2000 that Gunther fits in Guerrilla Capacity Planning (2007), and the fit
// that R's package usl 3.0.3 publishes for them (its data set specsdm91 and README): 0.0277285 ± 0.0091217,
// 0.0001044 ± 0.0000199, 89.9952330 ± 14.2134894, residual standard error 82.8, peak 1884 at 96.52.
var specSDM91 = []USLPoint{{1, 64.9}, {18, 995.9}, {36, 1652.4}, {72, 1853.2}, {108, 1828.9}, {144, 1775}, {216, 1702.2}}

// The first six measurements of the same package's data set raytracer; its test confint gives λ's 95 % interval for them
// as 19.3 to 22.4.
var rayTracer = []USLPoint{{1, 20}, {4, 78}, {8, 130}, {12, 170}, {16, 190}, {20, 200}}

func TestUSLOfPublishedData(t *testing.T) {
	fit, err := FitUSL(specSDM91, 2000, 1)
	require.NoError(t, err)
	require.InDelta(t, 0.0277285, fit.Sigma, 5e-7)
	require.InDelta(t, 0.0001044, fit.Kappa, 5e-8)
	require.InDelta(t, 89.995233, fit.Lambda, 5e-4)
	require.InDelta(t, 82.8, fit.Residual, 0.05)
	require.InDelta(t, 96.52, fit.Peak(), 0.005)
	require.InDelta(t, 1884, fit.At(fit.Peak()), 0.5)
	for name, ci := range map[string]struct {
		Interval
		se float64
	}{"sigma": {fit.SigmaCI, 0.0091217}, "kappa": {fit.KappaCI, 0.0000199}, "lambda": {fit.LambdaCI, 14.2134894}} {
		// Theirs is the linearised model's standard error, ours a bootstrap: of the same size, not the same.
		width := (ci.High - ci.Low) / 2 / ci.se
		require.Less(t, ci.Low, ci.Value, name)
		require.Greater(t, ci.High, ci.Value, name)
		require.True(t, width > 1 && width < 4, "%s: half width %.2f standard errors", name, width)
	}

	ray, err := FitUSL(rayTracer, 2000, 1)
	require.NoError(t, err)
	require.InDelta(t, (19.3+22.4)/2, ray.Lambda, 0.05)
}

// What was made from a law is found again, at its bounds too.
func TestUSLFindsItsParameters(t *testing.T) {
	for _, want := range []USL{{100, 0.05, 0.001}, {100, 0, 0}, {3e5, 0.1, 0}, {0.5, 0, 0.02}} {
		var points []USLPoint
		for _, n := range []float64{1, 2, 4, 8, 16, 32} {
			points = append(points, USLPoint{n, want.At(n)})
		}
		fit, err := FitUSL(points, 10, 1)
		require.NoError(t, err)
		require.InEpsilon(t, want.Lambda, fit.Lambda, 1e-3)
		require.InDelta(t, want.Sigma, fit.Sigma, 1e-3)
		require.InDelta(t, want.Kappa, fit.Kappa, 1e-4)
		require.InEpsilon(t, want.Efficiency(16), fit.Efficiency(16), 1e-3)
	}
	require.Equal(t, math.Inf(1), USL{1, 0.1, 0}.Peak())
}

// The interval holds what it says: the truth lies in nearly all of those of repeated experiments.
func TestUSLIntervalCovers(t *testing.T) {
	truth := USL{100, 0.05, 0.002}
	random := rand.New(rand.NewPCG(1, 2))
	const runs = 100
	hit := 0
	for run := range uint64(runs) {
		var points []USLPoint
		for _, n := range []float64{1, 2, 4, 8, 16} {
			for range 4 {
				points = append(points, USLPoint{n, truth.At(n) * (1 + 0.03*random.NormFloat64())})
			}
		}
		fit, err := FitUSL(points, 300, run)
		require.NoError(t, err)
		if fit.SigmaCI.Low <= truth.Sigma && truth.Sigma <= fit.SigmaCI.High {
			hit++
		}
	}
	require.Greater(t, hit, 85, "of %d", runs)
}

func TestUSLRefuses(t *testing.T) {
	_, err := FitUSL([]USLPoint{{1, 10}, {2, 19}, {2, 18}, {1, 11}}, 0, 1)
	var few *ScalesError
	require.ErrorAs(t, err, &few)
	require.Equal(t, ScalesError{2, 4}, *few)
	for _, p := range []USLPoint{{0, 1}, {1, 0}, {1, math.NaN()}, {math.Inf(1), 1}} {
		_, err := FitUSL(append([]USLPoint{p}, specSDM91...), 0, 1)
		require.ErrorContains(t, err, "positive and finite")
	}
}

func TestBootstrapMedians(t *testing.T) {
	nan := math.NaN()
	a := []float64{10, 11, 12, 13, 14, 15, 16}
	double := make([]float64, len(a))
	for i, v := range a {
		double[i] = 2 * v
	}
	draws, err := BootstrapMedians([][]float64{a, double, {1, nan, nan, nan, nan, nan, nan}}, 500, 3)
	require.NoError(t, err)
	spread := false
	for i := range draws[0] {
		require.Equal(t, 2*draws[0][i], draws[1][i], "the same blocks in all columns")
		require.Equal(t, 1.0, draws[2][i])
		spread = spread || draws[0][i] != draws[0][0]
	}
	require.True(t, spread)
	again, err := BootstrapMedians([][]float64{a}, 500, 3)
	require.NoError(t, err)
	require.Equal(t, draws[0], again[0])

	var few *BlocksError
	_, err = BootstrapMedians([][]float64{{1, 2}}, 0, 1)
	require.ErrorAs(t, err, &few)
	_, err = BootstrapMedians([][]float64{a, a[1:]}, 0, 1)
	require.ErrorContains(t, err, "column 1")
	_, err = BootstrapMedians([][]float64{a, {nan, nan, nan, nan, nan, nan, nan}}, 0, 1)
	require.ErrorContains(t, err, "no values")
}
