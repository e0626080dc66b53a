package stats

import (
	"cmp"
	"math"
	"slices"
)

// Up to these sizes the tests below count every arrangement; above them the normal approximation is good to three
// digits, and counting takes noticeable time.
const (
	wilcoxonExact    = 200 // differences
	mannWhitneyExact = 100 // values, both samples together
)

// WilcoxonSignedRank is the two-sided p-value of Wilcoxon's signed-rank test on paired differences. It sees smaller
// effects than SignTest and pays with an assumption: differences symmetric about their median. Differences of zero are
// left out (Wilcoxon 1945); tied sizes get the mean of their ranks, and the count is then over the ranks as they are.
func WilcoxonSignedRank(diffs []float64) float64 {
	sizes, positive := nonZero(diffs)
	ranks := twiceRanks(sizes)
	observed, total := 0, 0
	for i, r := range ranks {
		total += r
		if positive[i] {
			observed += r
		}
	}
	if len(ranks) <= wilcoxonExact {
		return farFromMean(signSums(ranks, total), float64(total)/2, observed)
	}
	squares := 0.0
	for _, r := range ranks {
		squares += float64(r) * float64(r)
	}
	// In doubled ranks: the mean is total/2, the variance Σr²/4, and half a rank of continuity is 1.
	return normalTwoSided(math.Abs(float64(observed)-float64(total)/2)-1, math.Sqrt(squares/4))
}

// nonZero gives the sizes and signs of the differences that are not zero.
func nonZero(diffs []float64) (sizes []float64, positive []bool) {
	for _, d := range diffs {
		if d != 0 {
			sizes = append(sizes, math.Abs(d))
			positive = append(positive, d > 0)
		}
	}
	return sizes, positive
}

// signSums is the distribution, indexed by sum, of the sum of those ranks whose difference is positive when every
// sign is a fair coin.
func signSums(ranks []int, total int) []float64 {
	p := make([]float64, total+1)
	p[0] = 1
	reach := 0
	for _, r := range ranks {
		reach += r
		for sum := reach; sum >= r; sum-- {
			p[sum] = (p[sum] + p[sum-r]) / 2
		}
		for sum := min(r-1, reach); sum >= 0; sum-- {
			p[sum] /= 2
		}
	}
	return p
}

// MannWhitney is the two-sided p-value of the Mann-Whitney U test (Wilcoxon's rank sum) on two independent samples,
// for runs that could not be interleaved. Ties get the mean of their ranks, and the count is over those. It is the
// probability of a rank sum at least as far from its mean; 1 when a sample is empty.
//
// Note: github.com/aclements/go-moremath/stats doubles one tail instead, which is right only where the distribution is
// symmetric. With ties in samples of unequal size it is not: {2} against {1, 1} gets p = 0 there, and has 1/3.
func MannWhitney(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return 1
	}
	ranks := twiceRanks(slices.Concat(x, y))
	observed := 0
	for _, r := range ranks[:len(x)] {
		observed += r
	}
	if len(ranks) <= mannWhitneyExact {
		mean := len(x) * (len(ranks) + 1) // of the doubled rank sum
		return farFromMean(subsetSums(ranks, len(x)), float64(mean), observed)
	}
	return mannWhitneyNormal(ranks, len(x), observed)
}

// mannWhitneyNormal approximates the test from the doubled ranks, of which k are x's and sum to observed.
func mannWhitneyNormal(ranks []int, k, observed int) float64 {
	n, of := float64(len(ranks)), float64(k)
	squares := 0.0
	for _, r := range ranks {
		squares += (float64(r) - (n + 1)) * (float64(r) - (n + 1))
	}
	// The variance of a sum drawn without replacement; it holds the correction for ties. Half a rank of continuity is 1.
	sigma := math.Sqrt(of * (n - of) / (n * (n - 1)) * squares)
	return normalTwoSided(math.Abs(float64(observed)-of*(n+1))-1, sigma)
}

// subsetSums is the distribution, indexed by sum, of the sum of k of the ranks drawn without replacement.
func subsetSums(ranks []int, k int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([][]float64, k+1) // by how many are drawn, by their sum
	for i := range ways {
		ways[i] = make([]float64, total+1)
	}
	ways[0][0] = 1
	reach := 0
	for drawn, r := range ranks {
		reach += r
		for i := min(k, drawn+1); i > 0; i-- {
			with, without := ways[i], ways[i-1]
			for sum := reach; sum >= r; sum-- {
				with[sum] += without[sum-r]
			}
		}
	}
	all := 0.0
	for _, w := range ways[k] {
		all += w
	}
	for sum := range ways[k] {
		ways[k][sum] /= all
	}
	return ways[k]
}

// farFromMean is the probability of a sum at least as far from the mean as the observed one.
func farFromMean(p []float64, mean float64, observed int) float64 {
	distance := math.Abs(float64(observed) - mean)
	far := 0.0
	for sum, q := range p {
		if math.Abs(float64(sum)-mean) >= distance {
			far += q
		}
	}
	return min(1, far)
}

// twiceRanks is the rank of each value, from 1, ties sharing the mean of theirs. Ranks are doubled to be whole numbers.
func twiceRanks(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]int, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = i + 1 + j
		}
		i = j
	}
	return ranks
}

// normalTwoSided is the probability that a normal variable with deviation sigma is further than distance from its mean.
func normalTwoSided(distance, sigma float64) float64 {
	if sigma == 0 || distance <= 0 {
		return 1
	}
	return math.Erfc(distance / sigma / math.Sqrt2)
}
