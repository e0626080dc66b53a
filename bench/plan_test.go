package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

func TestBuiltinPlansParse(t *testing.T) {
	require.NotEmpty(t, Plans())
	for _, name := range Plans() {
		p, err := OpenPlan(name)
		require.NoError(t, err)
		assert.Equal(t, name, p.Name, "a plan is called as its file")
		for _, e := range p.Experiments {
			assert.NotEmpty(t, e.Groups, name)
			assert.Positive(t, e.Blocks, name)
		}
	}
}

// The text kept in a run folder is the plan as it ran, and runs again.
func TestPlanTextRunsAgain(t *testing.T) {
	for _, name := range Plans() {
		p, err := OpenPlan(name)
		require.NoError(t, err)
		again, err := ParsePlan("x", []byte(p.Text()))
		require.NoError(t, err, p.Text())
		assert.Equal(t, p, again, name)
	}
}

// A wrong plan is refused with its line and, where a word is not known, the nearest valid one.
func TestPlanErrors(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":            {"", "the file is empty"},
		"no experiments":   {"name: x", "at least one entry under experiments"},
		"unknown field":    {"name: x\nsede: 1\n", `line 2: unknown field "sede" (did you mean "seed"?)`},
		"nested field":     {"experiments:\n  - run: wire\n    gruops: [X25519]", `line 3: unknown field "gruops" (did you mean "groups"?)`},
		"unknown kind":     {"experiments:\n  - run: handshak\n    groups: [X25519]", `line 2: unknown experiment "handshak" (did you mean "handshake"?)`},
		"unknown group":    {"experiments:\n  - run: wire\n    groups:\n      - X25519\n      - X25519MLKEM786", `line 5:`},
		"nearest group":    {"experiments:\n  - run: wire\n    groups: [X25519MLKEM786]", `X25519MLKEM768`},
		"unknown provider": {"experiments:\n  - run: kex\n    groups: [X25519]\n    providers: [circl-avx]", `line 4:`},
		"provider near":    {"experiments:\n  - run: kex\n    groups: [X25519]\n    providers: [circl-asn]", `circl-asm`},
		"certificate":      {"experiments:\n  - run: wire\n    groups: [X25519]\n    certs: [rsa-2084]", `line 4: unknown certificate "rsa-2084" (did you mean "rsa-2048"?)`},
		"initial":          {"experiments:\n  - run: wire\n    groups: [X25519]\n    initial: [900]", `line 4: initial "900": want 1200 to 1452`},
		"duration":         {"experiments:\n  - run: kex\n    groups: [X25519]\n    time: 10", `line 4: "10" is not a duration`},
		"size":             {"experiments:\n  - run: goodput\n    groups: [X25519]\n    size: big", `line 4: "big" is not a size`},
		"blocks":           {"experiments:\n  - run: kex\n    groups: [X25519]\n    blocks: -1", `blocks: -1 is out of range`},
		"concurrency":      {"experiments:\n  - run: handshake\n    groups: [X25519]\n    concurrency: [0]", `concurrency: 0 is out of range`},
		"margin":           {"experiments:\n  - run: requests\n    groups: [X25519]\n    margin: 2", `margin: 2 is out of range`},
		"no groups":        {"experiments:\n  - run: kex", `groups is empty`},
		"control":          {"experiments:\n  - run: kex\n    groups: [X25519]\n    control: secp256r1", `control secp256r1 is not one of the groups`},
		"impossible arm":   {"experiments:\n  - run: kex\n    groups: [X25519, X25519Kyber512Draft00]\n    providers: [go]", `none of the providers [go] computes Kyber512`},
		"twice":            {"experiments:\n  - run: wire\n    groups: [[X25519, X25519]]", `X25519 is listed twice`},
		"not a list":       {"experiments: 3", "line 1"},
		"name":             {"name: a/b\nexperiments:\n  - run: kex\n    groups: [X25519]", "no slash"},
		"zero":             {"experiments:\n  - run: kex\n    groups: [X25519]\n    blocks: 0", `line 4: blocks: 0 is out of range`},
		"same group twice": {"experiments:\n  - run: kex\n    groups: [secp256r1, P-256]", `groups: secp256r1 is listed twice`},
		"value twice":      {"experiments:\n  - run: handshake\n    groups: [X25519]\n    concurrency: [8, 8]", `concurrency: 8 is listed twice`},
		"requests":         {"experiments:\n  - {run: storm, groups: [X25519], sizes: [10], requests: 50000/s}", `requests: 50000/s for as long as a storm may last`},
		"two sockets": {"experiments:\n  - {run: fleet, groups: [X25519], sizes: [10]}\n  - {run: fleet, groups: [X25519], sizes: [10], sockets: each}",
			`two fleet entries share the arm`},
		"two bounds": {"experiments:\n  - {run: knee, groups: [X25519], max_p99: 20ms}\n  - {run: knee, groups: [X25519], max_p99: 50ms}",
			`two knee entries share the arm`},
		"two targets": {"experiments:\n  - {run: rate, groups: [X25519], rates: [5/s], target: {address: \"a.example:443\"}}\n  - {run: rate, groups: [X25519], rates: [5/s], target: {address: \"b.example:443\"}}",
			`two rate entries share the arm`},
		"two entries": {"experiments:\n  - {run: requests, groups: [X25519], body: 1KiB}\n  - {run: requests, groups: [X25519], body: 64KiB}",
			`two requests entries share the arm`},
		"connector":      {"experiments:\n  - run: requests\n    groups: [X25519]\n    connectors: [pqbench, cloudflare]", `line 4: unknown stack "cloudflare" (did you mean "cloudflared"?)`},
		"no connector":   {"experiments:\n  - run: requests\n    groups: [X25519]\n    connectors: [bare]", `connectors are pqbench, pqbench-today or cloudflared`},
		"policy":         {"experiments:\n  - run: policy\n    groups: [X25519MLKEM768]\n    policies: [stritc]", `line 4: unknown policy "stritc" (did you mean "strict"?)`},
		"accepts":        {"experiments:\n  - run: policy\n    groups: [X25519MLKEM768]\n    accepts: [some]", `line 4: accepts:`},
		"policy's group": {"experiments:\n  - run: policy\n    groups: [X25519]", `groups are single hybrids here`},
		"does not apply": {"experiments:\n  - run: kex\n    groups: [X25519]\n    tunnels: 3", `line 4: tunnels does not apply to kex`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePlan("x", []byte(c.yaml))
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
			assert.NotContains(t, err.Error(), "\n", "one clear line")
		})
	}
}

func TestOpenPlanSuggests(t *testing.T) {
	_, err := OpenPlan("standrad")
	require.ErrorContains(t, err, `did you mean "standard"`)
}

const factors = `
experiments:
  - run: handshake
    groups: [X25519, X25519Kyber512Draft00, X25519MLKEM768, [X25519MLKEM768, X25519]]
    providers: [go, circl-asm, circl-generic]
    concurrency: [1, 8]
    aa: true
`

// In this build or that: arms that TLS cannot do are left out, so the test counts kex's, where nothing is.
func TestArmsAndPairs(t *testing.T) {
	p, err := ParsePlan("x", []byte(strings.NewReplacer("run: handshake", "run: kex", "    concurrency: [1, 8]\n", "").Replace(factors)))
	require.NoError(t, err)
	e := &p.Experiments[0]
	arms, skipped := e.arms()
	assert.Empty(t, skipped)
	for i := range arms {
		arms[i].id = i
	}
	var names []string
	for _, a := range arms {
		names = append(names, a.Arm.String())
	}
	assert.Equal(t, []string{
		"group=X25519", "group=X25519/aa=true",
		"group=X25519Kyber512Draft00/kem=circl-asm", "group=X25519Kyber512Draft00/kem=circl-generic",
		"group=X25519MLKEM768/kem=go", "group=X25519MLKEM768/kem=circl-asm", "group=X25519MLKEM768/kem=circl-generic",
		"group=X25519MLKEM768+X25519/kem=go", "group=X25519MLKEM768+X25519/kem=circl-asm", "group=X25519MLKEM768+X25519/kem=circl-generic",
	}, names)

	kinds := map[string]int{}
	for _, pair := range e.pairs(arms) {
		kinds[pair.Kind]++
		if pair.Kind != "kem" {
			assert.Equal(t, 0, pair.Base, "the control is the base")
		}
	}
	// aa: one. group: all eight hybrids against X25519. kem: assembly against generic (three offers) and Go's (two).
	assert.Equal(t, map[string]int{"aa": 1, "group": 8, "kem": 5}, kinds)
}

func TestCodepointTellsTheTwoKyber768(t *testing.T) {
	p, err := ParsePlan("x", []byte("experiments:\n  - run: kex\n    groups: [X25519Kyber768Draft00, 0xfe31]\n    providers: [circl-asm]"))
	require.NoError(t, err)
	arms, _ := p.Experiments[0].arms()
	require.Len(t, arms, 2)
	assert.Equal(t, results.Arm{Group: "X25519Kyber768Draft00", Codepoint: "0x6399", KEM: "circl-asm"}, arms[0].Arm)
	assert.Equal(t, results.Arm{Group: "X25519Kyber768Draft00", Codepoint: "0xfe31", KEM: "circl-asm"}, arms[1].Arm)
}

func TestOrderIsSeeded(t *testing.T) {
	assert.Equal(t, order(1, 2, 3, 20), order(1, 2, 3, 20))
	assert.NotEqual(t, order(1, 2, 3, 20), order(2, 2, 3, 20), "another seed")
	assert.NotEqual(t, order(1, 2, 3, 20), order(1, 2, 4, 20), "another block")
}

func TestOnly(t *testing.T) {
	p, err := OpenPlan("quick")
	require.NoError(t, err)
	require.NoError(t, p.Only([]string{"P-256", "X25519MLKEM768"}))
	for _, e := range p.Experiments {
		assert.Equal(t, "X25519MLKEM768", e.Groups[0].Label())
		assert.Equal(t, "X25519MLKEM768", e.Control.Label())
	}
	p, err = OpenPlan("quick")
	require.NoError(t, err)
	require.ErrorContains(t, p.Only([]string{"X25519MLKEM786"}), "X25519MLKEM768")
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"512": 512, "64KiB": 65536, "1MB": 1e6, "2 GiB": 2 << 30, "7B": 7, "3kB": 3000} {
		got, err := ParseSize(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "1.5MB", "KiB", "99999999999GB", "1TB"} {
		_, err := ParseSize(text)
		assert.Error(t, err, text)
	}
}

func FuzzParsePlan(f *testing.F) {
	for _, name := range Plans() {
		text, err := builtin.ReadFile("plans/" + name + ".yaml")
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(factors))
	f.Add([]byte("experiments:\n  - &a {run: kex, groups: [*a]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePlan("x", text)
		if err != nil {
			return
		}
		for i := range p.Experiments {
			e := &p.Experiments[i]
			if len(e.Groups) == 0 || e.Blocks < 1 || e.Fresh < 1 || len(e.Concurrency) == 0 {
				t.Errorf("accepted an experiment that cannot run: %+v", e)
			}
			if len(e.Groups)*len(e.Certs)*len(e.Initial)*len(e.Concurrency) < 1000 {
				e.arms()
			}
		}
	})
}
