package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a host does not allow is refused with the command that raises it, before anything starts.
func TestLimitsOfTheHost(t *testing.T) {
	plan := func(fields string) *Experiment {
		p, err := ParsePlan("x", []byte("experiments: [{run: fleet, groups: [X25519], "+fields+"}]"))
		require.NoError(t, err)
		return &p.Experiments[0]
	}
	roomy := limits{files: 1 << 20, ports: 60_000, memory: 64 << 30, rcvbuf: 8 << 20}
	tight := func(change func(*limits)) limits { l := roomy; change(&l); return l }
	each := plan("sizes: [100, 10000], sockets: each")
	shared := plan("sizes: [100, 10000]")
	for _, test := range []struct {
		name    string
		host    limits
		e       *Experiment
		want    string
		warning string
	}{
		{"roomy", roomy, each, "", ""},
		{"unknown", limits{}, each, "", ""},
		{"files", tight(func(l *limits) { l.files = 20_000 }), each, "ulimit -n 40256", ""},
		{"files, shared", tight(func(l *limits) { l.files = 1024 }), shared, "", ""},
		{"ports", tight(func(l *limits) { l.ports = 28_232 }), each, "ip_local_port_range", ""},
		{"ports, shared", tight(func(l *limits) { l.ports = 100 }), shared, "", ""},
		{"memory", tight(func(l *limits) { l.memory = 4 << 30 }), shared, "about 7912 MiB, and 4096 MiB are available", ""},
		{"buffers", tight(func(l *limits) { l.rcvbuf = 212_992 }), shared, "", "net.core.rmem_max=7340032"},
		{"buffers, as root", tight(func(l *limits) { l.rcvbuf = 212_992; l.privilege = true }), shared, "", ""},
		{"buffers, few", tight(func(l *limits) { l.rcvbuf = 212_992 }), plan("sizes: [10, 20]"), "", ""},
	} {
		warnings, err := test.host.check(test.e.demand())
		if test.want == "" {
			assert.NoError(t, err, test.name)
		} else {
			assert.ErrorContains(t, err, test.want, test.name)
		}
		if test.warning == "" {
			assert.Empty(t, warnings, test.name)
		} else {
			require.Len(t, warnings, 1, test.name)
			assert.Contains(t, warnings[0], test.warning)
		}
	}
}

// An edge that has all cores to itself leaves none for what drives it.
func TestCoresOfTheEdge(t *testing.T) {
	assert.NoError(t, checkCores(nil, 4))
	assert.NoError(t, checkCores([]int{1, 3}, 4))
	assert.ErrorContains(t, checkCores([]int{1, 4}, 4), "edge_cores: 4 of the host's 4 leave none")
	assert.ErrorContains(t, checkCores([]int{8}, 4), "edge_cores: 8")
	_, err := ParsePlan("x", []byte("experiments: [{run: knee, groups: [X25519], edge_cores: [0]}]"))
	assert.ErrorContains(t, err, "edge_cores: 0 are none")
}

// Arms that run side by side need what all of them need together.
func TestDemandOfArmsSideBySide(t *testing.T) {
	p, err := ParsePlan("x", []byte("experiments: [{run: storm, groups: [X25519, secp256r1], sizes: [100], sockets: each, beside: true}]"))
	require.NoError(t, err)
	d := p.Experiments[0].demand()
	assert.EqualValues(t, 400, d.connections)
	assert.EqualValues(t, 400, d.sockets, "each arm has a process of its own")
	assert.EqualValues(t, 800, d.ports)
	assert.EqualValues(t, 2*(400*bytesPerConnection+bytesPerFleet), d.memory)
}

func TestThisHostTellsItsLimits(t *testing.T) {
	assert.Positive(t, maxFiles())
	_, err := hostLimits().check(demand{connections: 4, sockets: 4, ports: 4, memory: 1 << 20})
	assert.NoError(t, err)
}

func TestFleetPlans(t *testing.T) {
	for _, test := range []struct{ fields, want string }{
		{"run: fleet, timers: [1s/5s, 15s/1m]", ""},
		{"run: fleet, timers: [5s/6s]", "at least twice"},
		{"run: fleet, timers: [15s]", "such as 15s/60s"},
		{"run: fleet, timers: [1s/5s, 1000ms/5s]", "listed twice"},
		{"run: fleet, sizes: [0]", "out of range"},
		{"run: fleet, sizes: [1000000]", "out of range"},
		{"run: fleet, sockets: one", "shared or each"},
		{"run: fleet, outage: 1s", "does not apply to fleet"},
		{"run: fleet, post_quantum_share: 30%", ""},
		{"run: fleet, post_quantum_share: 130%", "30%"},
		{"run: fleet, post_quantum_share: 0.3", "such as 30%"},
		{"run: fleet, post_quantum_share: 30%, control: X25519MLKEM768", "must be classical"},
		{"run: storm, ending: crash", "close or kill"},
		{"run: storm, colos: 3", "1 or 2"},
		{"run: storm, colos: 2, conns: 1", "at least 2"},
		{"run: storm, admission: [cap-0]", "want none, retry-N or cap-N"},
		{"run: storm, admission: [none, retry-4, cap-64]", ""},
		{"run: storm, time: 1s", "does not apply to storm"},
	} {
		_, err := ParsePlan("x", []byte("experiments: [{groups: [X25519, X25519MLKEM768], "+test.fields+"}]"))
		if test.want == "" {
			assert.NoError(t, err, test.fields)
		} else {
			assert.ErrorContains(t, err, test.want, test.fields)
		}
	}
}

func TestSharesAreSpreadEvenly(t *testing.T) {
	for _, s := range []Share{0.3, 0.25, 1, 0.01} {
		n, last, gap := 0, -1, 0
		for i := range 1000 {
			if s.of(i) {
				n++
				gap = max(gap, i-last)
				last = i
			}
		}
		assert.Equal(t, int(1000*float64(s)+0.5), n, "%s", s)
		assert.LessOrEqual(t, gap, int(1/float64(s))+1, "%s", s)
	}
}

func FuzzParseTimers(f *testing.F) {
	for _, seed := range []string{"1s/5s", "15s/60s", "/", "1s/1s", "-1s/5s", "1h/2h", "9999999h/9999999h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		timers, err := ParseTimers(text)
		if err != nil {
			return
		}
		assert.Positive(t, timers.KeepAlive)
		assert.GreaterOrEqual(t, timers.Idle, 2*timers.KeepAlive)
		again, err := ParseTimers(timers.String())
		require.NoError(t, err)
		assert.Equal(t, timers, again)
	})
}

func FuzzParseShare(f *testing.F) {
	for _, seed := range []string{"30%", "0%", "100%", "100.0001%", "NaN%", "-1%", "1e-300%", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseShare(text); err == nil {
			assert.Greater(t, float64(s), 0.0)
			assert.LessOrEqual(t, float64(s), 1.0)
		}
	})
}
