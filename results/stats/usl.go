package stats

import (
	"fmt"
	"math"
	"slices"
)

// USL is Gunther's universal scalability law, X(n) = λ·n / (1 + σ·(n−1) + κ·n·(n−1)): what n processors (or users)
// achieve together. Lambda is what one does, in the unit of X; Sigma the share that cannot be done in parallel; Kappa
// the cost of each pair's coherence.
type USL struct{ Lambda, Sigma, Kappa float64 }

// At is X(n).
func (u USL) At(n float64) float64 {
	return u.Lambda * n / (1 + u.Sigma*(n-1) + u.Kappa*n*(n-1))
}

// Efficiency is X(n) as a share of n times X(1).
func (u USL) Efficiency(n float64) float64 { return u.At(n) / (n * u.Lambda) }

// Peak is the n of the greatest X; +Inf without coherence cost.
func (u USL) Peak() float64 {
	if u.Kappa == 0 {
		return math.Inf(1)
	}
	return math.Sqrt(max(1-u.Sigma, 0) / u.Kappa)
}

// A USLFit is a law fitted to measurements, with the 95 % intervals of its parameters.
type USLFit struct {
	USL
	LambdaCI, SigmaCI, KappaCI Interval
	// Residual is the standard error of the residuals, in the unit of X, with n−3 degrees of freedom; NaN for three points.
	Residual float64
	Points   int
}

// A USLPoint is one measurement: X at N processors. Several of one N are welcome.
type USLPoint struct{ N, X float64 }

// A ScalesError refuses a fit: three parameters need more than three distinct N, or any curve would do.
type ScalesError struct{ Have, Need int }

func (e *ScalesError) Error() string {
	return fmt.Sprintf("measurements at %d numbers of processors are too few for a scalability law: measure at least %d", e.Have, e.Need)
}

// MinScales is the fewest distinct N of a fit.
const MinScales = 4

// FitUSL fits the law by least squares with σ, κ ≥ 0. The intervals are a bootstrap's of the residuals, resamples times
// (0 is Resamples), scaled up for the degrees of freedom that the fit took: measurements at few N cannot be drawn
// themselves without losing N altogether. It fails with a *ScalesError for fewer than MinScales distinct N, and for
// values that are not positive and finite.
func FitUSL(points []USLPoint, resamples int, seed uint64) (USLFit, error) {
	var scales []float64
	for _, p := range points {
		if !(p.N > 0 && p.X > 0) || math.IsInf(p.N, 0) || math.IsInf(p.X, 0) {
			return USLFit{}, fmt.Errorf("scalability: measurement %v at %v: both must be positive and finite", p.X, p.N)
		}
		if !slices.Contains(scales, p.N) {
			scales = append(scales, p.N)
		}
	}
	if len(scales) < MinScales {
		return USLFit{}, &ScalesError{len(scales), MinScales}
	}
	fit := USLFit{USL: leastSquares(points, firstGuess(points)), Points: len(points)}
	fit.Residual = math.Sqrt(squares(points, fit.USL) / float64(len(points)-3))
	fit.bootstrap(points, resamples, seed)
	return fit, nil
}

// bootstrap fills the intervals in.
func (f *USLFit) bootstrap(points []USLPoint, resamples int, seed uint64) {
	n := len(points)
	residuals, mean := make([]float64, n), 0.0
	for i, p := range points {
		residuals[i] = p.X - f.At(p.N)
		mean += residuals[i] / float64(n)
	}
	larger := math.Sqrt(float64(n) / float64(n-3))
	draw := newDrawer(seed)
	drawn := slices.Clone(points)
	var lambdas, sigmas, kappas []float64
	for range orResamples(resamples) {
		for i, p := range points {
			drawn[i].X = max(f.At(p.N)+larger*(residuals[draw.index(n)]-mean), math.SmallestNonzeroFloat64)
		}
		u := leastSquares(drawn, f.USL)
		lambdas, sigmas, kappas = append(lambdas, u.Lambda), append(sigmas, u.Sigma), append(kappas, u.Kappa)
	}
	f.LambdaCI, f.SigmaCI, f.KappaCI = middle(f.Lambda, lambdas), middle(f.Sigma, sigmas), middle(f.Kappa, kappas)
}

// middle is the percentile interval of estimates.
func middle(value float64, estimates []float64) Interval {
	slices.Sort(estimates)
	return Interval{Value: value, Low: Quantile(estimates, 0.025), High: Quantile(estimates, 0.975)}
}

// squares is the sum of squared residuals.
func squares(points []USLPoint, u USL) (sum float64) {
	for _, p := range points {
		r := p.X - u.At(p.N)
		sum += r * r
	}
	return sum
}

// firstGuess takes the law for linear in n: λ from the smallest N, and a little of everything else.
func firstGuess(points []USLPoint) USL {
	least := slices.MinFunc(points, func(a, b USLPoint) int { return int(math.Copysign(1, a.N-b.N)) })
	return USL{Lambda: least.X / least.N, Sigma: 0.05, Kappa: 1e-3}
}

// leastSquares is Levenberg's and Marquardt's method from a start, σ and κ held at 0 where they would go below.
func leastSquares(points []USLPoint, u USL) USL {
	sum := squares(points, u)
	damping := 1e-3
	for range 200 {
		next := u.step(points, damping)
		after := squares(points, next)
		if !(after < sum) {
			if damping *= 4; damping > 1e12 {
				break
			}
			continue
		}
		done := sum-after <= 1e-14*sum
		u, sum, damping = next, after, max(damping/6, 1e-12)
		if done {
			break
		}
	}
	return u
}

// step is one damped Gauss–Newton step, in units of each parameter's own curvature.
func (u USL) step(points []USLPoint, damping float64) USL {
	var normal [3][4]float64 // JᵀJ, and Jᵀr beside it
	for _, p := range points {
		below := 1 + u.Sigma*(p.N-1) + u.Kappa*p.N*(p.N-1)
		x := u.Lambda * p.N / below
		gradient := [3]float64{p.N / below, -x * (p.N - 1) / below, -x * p.N * (p.N - 1) / below}
		for i := range gradient {
			for j := range gradient {
				normal[i][j] += gradient[i] * gradient[j]
			}
			normal[i][3] += gradient[i] * (p.X - x)
		}
	}
	// A parameter at its bound that the step would push beyond stays there, and the others move without it.
	for i, at := range [3]float64{1, u.Sigma, u.Kappa} {
		if at == 0 && normal[i][3] < 0 {
			for j := range 3 {
				normal[i][j], normal[j][i] = 0, 0
			}
			normal[i][i], normal[i][3] = 1, 0
		}
		normal[i][i] *= 1 + damping
	}
	d := solve(normal)
	return USL{Lambda: u.Lambda + d[0], Sigma: max(u.Sigma+d[1], 0), Kappa: max(u.Kappa+d[2], 0)}
}

// solve is Gauss's elimination with pivots.
func solve(m [3][4]float64) (x [3]float64) {
	for c := range 3 {
		pivot := c
		for r := c + 1; r < 3; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		m[c], m[pivot] = m[pivot], m[c]
		for r := c + 1; r < 3; r++ {
			f := m[r][c] / m[c][c]
			for k := c; k < 4; k++ {
				m[r][k] -= f * m[c][k]
			}
		}
	}
	for r := 2; r >= 0; r-- {
		x[r] = m[r][3]
		for k := r + 1; k < 3; k++ {
			x[r] -= m[r][k] * x[k]
		}
		x[r] /= m[r][r]
	}
	return x
}
