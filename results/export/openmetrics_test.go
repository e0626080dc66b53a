package export

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

var (
	omName   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	omLabels = regexp.MustCompile(`^(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,|$))*$`)
	omLabel  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\\n]|\\[\\"n])*"`)
)

// parseOpenMetrics reads gauges as OpenMetrics 1.0 wants them: a family's lines together and its metadata in front, a unit that the
// name ends with, no sample twice, no label twice, and # EOF at the end and nowhere else.
func parseOpenMetrics(text string) (samples map[string]float64, err error) {
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok || strings.Contains(body, "# EOF") {
		return nil, fmt.Errorf("no single # EOF at the end")
	}
	samples = map[string]float64{}
	families := map[string]bool{}
	family, inSamples := "", false
	for i, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if line == "" && body == "" {
			break
		}
		fail := func(why string) error { return fmt.Errorf("line %d: %s: %q", i+1, why, line) }
		if meta, ok := strings.CutPrefix(line, "# "); ok {
			parts := strings.SplitN(meta, " ", 3)
			if len(parts) != 3 || !omName.MatchString(parts[1]) {
				return nil, fail("bad metadata")
			}
			switch {
			case parts[0] == "TYPE":
				if families[parts[1]] || parts[2] != "gauge" {
					return nil, fail("a family twice, or no gauge")
				}
				family, inSamples = parts[1], false
				families[family] = true
			case parts[1] != family || inSamples:
				return nil, fail("metadata out of place")
			case parts[0] == "UNIT" && !strings.HasSuffix(family, "_"+parts[2]):
				return nil, fail("the name does not end with its unit")
			case parts[0] != "UNIT" && parts[0] != "HELP":
				return nil, fail("unknown metadata")
			}
			continue
		}
		open, end := strings.IndexByte(line, '{'), strings.LastIndex(line, "} ")
		if open < 0 || end < open || line[:open] != family {
			return nil, fail("a sample outside of its family")
		}
		inner := line[open+1 : end]
		if !omLabels.MatchString(inner) || strings.HasSuffix(inner, ",") {
			return nil, fail("bad labels")
		}
		seen := map[string]bool{}
		for _, m := range omLabel.FindAllStringSubmatch(inner, -1) {
			if seen[m[1]] {
				return nil, fail("a label twice")
			}
			seen[m[1]] = true
		}
		v, err := strconv.ParseFloat(line[end+2:], 64)
		if err != nil {
			return nil, fail("no number")
		}
		if _, twice := samples[line[:end+1]]; twice {
			return nil, fail("a sample twice")
		}
		samples[line[:end+1]], inSamples = v, true
	}
	return samples, nil
}

func TestOpenMetricsParses(t *testing.T) {
	f := sample()
	f.Findings[0].Arm.Path = "10ms/up=1Mbit \"q\\\n"
	samples, err := parseOpenMetrics(written(t, "openmetrics", f))
	require.NoError(t, err)
	assert.Equal(t, 1575e-6, samples[`pqbench_total_cpu_seconds{tier="paired",experiment="handshake",group="X25519MLKEM768",kem="circl-asm",cert="ecdsa-p256",side="head"}`])
	assert.Equal(t, 2505.0, samples[`pqbench_client_bytes{tier="paired",experiment="gate",group="X25519",path="100ms",side="head"}`])
	assert.Equal(t, 1.0, samples[`pqbench_verdict{tier="paired",experiment="gate",group="X25519",path="100ms",metric="retries",verdict="missing"}`])
}

// Every metric there is makes a name of its own, so that no two share a family.
func TestOpenMetricsNames(t *testing.T) {
	var f results.Findings
	for _, m := range results.Metrics() {
		f.Findings = append(f.Findings, results.Finding{Metric: m.Name, Unit: m.Unit, Head: p(1)})
	}
	_, err := parseOpenMetrics(written(t, "openmetrics", f))
	require.NoError(t, err)
	names := map[string]string{}
	for _, m := range results.Metrics() {
		name, _, _ := baseUnit(results.Finding{Metric: m.Name, Unit: m.Unit})
		if other, twice := names[name]; twice && other != m.Name {
			t.Errorf("%s and %s are both %s", m.Name, other, name)
		}
		names[name] = m.Name
	}
}

func TestTheOpenMetricsParserSees(t *testing.T) {
	head := "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds h\n"
	_, err := parseOpenMetrics(head + `a_seconds{x="1"} 1` + "\n# EOF\n")
	require.NoError(t, err)
	for _, bad := range []string{
		head + `a_seconds{x="1"} 1` + "\n",
		head + `a_seconds{x="1"} 1` + "\n" + `a_seconds{x="1"} 2` + "\n# EOF\n",
		head + `a_seconds{x="1",x="2"} 1` + "\n# EOF\n",
		head + `a_seconds{x="1} 1` + "\n# EOF\n",
		head + `b{x="1"} 1` + "\n# EOF\n",
		head + `a_seconds{x="1"} one` + "\n# EOF\n",
		head + head + "# EOF\n",
		"# TYPE a gauge\n# UNIT a seconds\n# EOF\n",
		"# EOF\n# EOF\n",
	} {
		_, err := parseOpenMetrics(bad)
		assert.Error(t, err, bad)
	}
}
