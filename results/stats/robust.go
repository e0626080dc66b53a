package stats

import (
	"math"
	"slices"
)

// An Effect is the centre of a series of differences and what is known of its error.
type Effect struct {
	Value    float64 // in the unit of the differences
	Error    float64 // its standard error; 0 when all differences are the same
	Clusters int     // independent pieces of evidence
}

// huberK is Huber's tuning constant: at 1.5 the estimate needs 4 % more values than the mean where errors are normal, and
// is hardly moved by what lies far out.
const huberK = 1.5

// Centre is Huber's estimate of location of differences that come in clusters, such as those of one head against
// several bases of the same round: values inside a cluster may depend on each other, clusters may not. Its error is
// the sandwich estimator over clusters (Huber and Ronchetti, Robust Statistics, 2nd ed., chapter 6). The scale is the
// normalised MAD, held fixed. It is NaN without values.
//
// Note: a plain mean would do where errors are normal; here one disturbed second of the machine makes values many
// deviations out. Wilcoxon's test takes no clusters, and the median needs half as many values again.
func Centre(clusters [][]float64) Effect {
	all := slices.Concat(clusters...)
	e := Effect{Value: Median(all), Error: math.NaN(), Clusters: len(clusters)}
	if len(all) == 0 || math.IsNaN(e.Value) {
		return e
	}
	scale := normalisedMAD(all, e.Value)
	if scale == 0 { // more than half are the same
		e.Value, scale = Mean(all), math.Inf(1)
	}
	for range 200 {
		step := Mean(winsorised(all, e.Value, huberK*scale))
		e.Value += step
		if math.Abs(step) <= 1e-12*scale {
			break
		}
	}
	e.Error = sandwich(clusters, e.Value, huberK*scale)
	return e
}

// normalisedMAD is the median distance from the centre, scaled to be the standard deviation of normal values.
func normalisedMAD(values []float64, centre float64) float64 {
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - centre)
	}
	return 1.4826 * Median(distances)
}

// winsorised is the values' distances from the centre, those beyond the limit drawn in to it.
func winsorised(values []float64, centre, limit float64) []float64 {
	residuals := make([]float64, len(values))
	for i, v := range values {
		residuals[i] = min(max(v-centre, -limit), limit)
	}
	return residuals
}

// sandwich is the standard error of the centre: the spread of the clusters' sums of influence over the share of values
// that were not drawn in.
func sandwich(clusters [][]float64, centre, limit float64) float64 {
	n := float64(len(clusters))
	if n < 2 {
		return math.NaN()
	}
	squares, inside := 0.0, 0
	for _, cluster := range clusters {
		sum := 0.0
		for i, r := range winsorised(cluster, centre, limit) {
			sum += r
			if math.Abs(cluster[i]-centre) < limit {
				inside++
			}
		}
		squares += sum * sum
	}
	return math.Sqrt(squares*n/(n-1)) / float64(inside)
}

// P is the two-sided p-value of "no effect": Student's, with one degree of freedom less than there are clusters. NaN
// from fewer than MinBlocks clusters.
func (e Effect) P() float64 {
	if e.Clusters < MinBlocks || math.IsNaN(e.Value) {
		return math.NaN()
	}
	if e.Error == 0 {
		if e.Value == 0 {
			return 1
		}
		return 0
	}
	return studentP(math.Abs(e.Value)/e.Error, e.Clusters-1)
}

// Interval is the two-sided interval of the confidence (0.95 for 95 %); NaN from fewer than MinBlocks clusters.
func (e Effect) Interval(confidence float64) (low, high float64) {
	if e.Clusters < MinBlocks {
		return math.NaN(), math.NaN()
	}
	half := studentQuantile(confidence, e.Clusters-1) * e.Error
	return e.Value - half, e.Value + half
}
