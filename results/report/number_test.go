package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"pqbench/results"
)

func TestRounded(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		value     float64
		low, high *float64
		divisor   float64
		want      string
	}{
		{871_042, p(870_900), p(871_200), 1e3, "871.0"},
		{871_042, p(868_000), p(874_000), 1e3, "871"},
		{871_042, p(700_000), p(990_000), 1e3, "871"},
		{7_541.3, p(7_500), p(7_600), 1, "7540"},
		{1_234_567, nil, nil, 1e6, "1.23"},
		{0, p(0), p(0), 1, "0"},
		{622, p(622), p(622), 1, "622.0"},
		{31.94, p(31.90), p(31.99), 1, "31.94"},
	} {
		assert.Equal(t, c.want, rounded(c.value, c.low, c.high, c.divisor), "%v", c.value)
	}
}

func TestEffect(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		ratio, low, high *float64
		verdict, want    string
	}{
		{p(1.241), p(1.232), p(1.250), results.VerdictHigher, "+24.1 % [23.2, 25.0]"},
		{p(0.997), p(0.991), p(1.004), results.VerdictEquivalent, "≈ −0.3 % [−0.9, 0.4]"},
		{p(1.02), p(0.93), p(1.10), results.VerdictInconclusive, "~ +2 % [−7, 10]"},
		{p(1.241), p(1.232), p(1.250), results.VerdictInconclusive, "? +24.1 % [23.2, 25.0]"},
		{p(1.241), nil, nil, results.VerdictInconclusive, "(+24.1 %)"},
		{p(12.31), p(12.1), p(12.5), results.VerdictHigher, "×12.3 [12.1, 12.5]"},
		{p(1.0001), p(0.99), p(1.01), results.VerdictEquivalent, "≈ 0 % [−1, 1]"},
		{nil, nil, nil, results.VerdictInconclusive, "–"},
	} {
		got := effect(results.Comparison{Metric: "total_cpu", Ratio: c.ratio, Low: c.low, High: c.high, Verdict: c.verdict})
		assert.Equal(t, c.want, got)
	}
	assert.Equal(t, "+24.1 %", bare("(+24.1 %)"))
	assert.Equal(t, "+2 % [−7, 10]", bare("~ +2 % [−7, 10]"))
}

func TestScaleFor(t *testing.T) {
	cpu, _ := results.MetricByName("total_cpu")
	hello, _ := results.MetricByName("clienthello_bytes")
	allocs, _ := results.MetricByName("client_allocs")
	down, _ := results.MetricByName("goodput_down")
	assert.Equal(t, "µs", scaleFor(cpu, []float64{31e3, 17e3, 1.9e6}).unit)
	assert.Equal(t, "ms", scaleFor(cpu, []float64{0.9e6, 1.1e6, 1.2e6}).unit)
	assert.Equal(t, "B", scaleFor(hello, []float64{1477}).unit, "counted bytes are not rounded")
	assert.Equal(t, "", scaleFor(allocs, []float64{620}).unit)
	assert.Equal(t, "Gbit/s", scaleFor(down, []float64{2.1e9}).unit)
	assert.Equal(t, "ns", scaleFor(cpu, nil).unit)
}

func TestTicks(t *testing.T) {
	labels := func(ticks []string) []string { return ticks }
	var got []string
	for _, tick := range linearTicks(0, 72.3) {
		got = append(got, tick.Label)
	}
	assert.Equal(t, labels([]string{"0", "20", "40", "60"}), got)
	for _, span := range [][2]float64{{0.9, 1.1}, {1, 2}, {0.7, 30}, {0.001, 5000}, {0.98, 1.03}} {
		ticks := logTicks(span[0], span[1])
		assert.GreaterOrEqual(t, len(ticks), 3, "%v", span)
		assert.LessOrEqual(t, len(ticks), 30, "%v", span)
		for _, tick := range ticks {
			assert.GreaterOrEqual(t, tick.Value, span[0])
			assert.LessOrEqual(t, tick.Value, span[1]*(1+1e-9))
		}
	}
}
