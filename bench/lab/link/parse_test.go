package link_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
)

func TestParseLoss(t *testing.T) {
	for _, c := range []struct {
		text string
		want link.Loss
		fail string
	}{
		{text: "0", want: link.IID{}},
		{text: "5%", want: link.IID{P: 0.05}},
		{text: " 0.05 ", want: link.IID{P: 0.05}},
		{text: "100%", want: link.IID{P: 1}},
		{text: "gilbert-elliott(0.01,0.25)", want: link.GilbertElliott{P: 0.01, R: 0.25}},
		{text: "Gilbert-Elliott( 1% , 25% , 10%, 99%)", want: link.GilbertElliott{P: 0.01, R: 0.25, H: 0.1, K: 0.99}},
		{text: "120%", fail: "want 0% to 100%"},
		{text: "-1%", fail: "want 0% to 100%"},
		{text: "NaN", fail: "want 0% to 100%"},
		{text: "", fail: "no probability"},
		{text: "five", fail: "write 5% or 0.05"},
		{text: "iid(5%)", fail: "want a percentage"},
		{text: "gilbert-elliott", fail: "no probability"},
		{text: "gilbert-elliott(0.1)", fail: "gilbert-elliott(p,r)"},
		{text: "gilbert-elliott(0.1,0.2", fail: "parentheses"},
		{text: "gilbert-elliott(0,0.2)", fail: "never leaves a state"},
		{text: "gilbert-elliott(0.1,0.2,0,0)", fail: "good state"},
	} {
		got, err := link.ParseLoss(c.text)
		if c.fail != "" {
			require.ErrorContains(t, err, c.fail, c.text)
			continue
		}
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got)
		again, err := link.ParseLoss(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	require.Equal(t, "7%", link.IID{P: 0.07}.String(), "not 7.000000000000001%")
}

func TestParseMiddlebox(t *testing.T) {
	for text, want := range map[string]string{
		"block-udp":                           "block-udp",
		" Limit-Size(1300) ":                  "limit-size(1300)",
		"limit-size":                          "limit-size(1232)",
		"limit-size()":                        "limit-size(1232)",
		"rate-limit-initials(7)":              "rate-limit-initials(7)",
		"forgetful-nat(90s)":                  "forgetful-nat(1m30s)",
		"drop-unknown-groups(x25519, P-256)":  "drop-unknown-groups(X25519,secp256r1)",
		"drop-unknown-groups(X25519MLKEM768)": "drop-unknown-groups(X25519MLKEM768)",
	} {
		m, err := link.ParseMiddlebox(text)
		require.NoError(t, err, text)
		require.Equal(t, want, m.String())
	}
	for text, fail := range map[string]string{
		"":                         "unknown middlebox",
		"drop-second":              `did you mean "drop-second-initial"?`,
		"block-udp(1)":             "takes no arguments",
		"limit-size(1199)":         "use block-udp",
		"limit-size(a)":            "no number of bytes",
		"limit-size(1300,1400)":    "want one argument",
		"rate-limit-initials(0)":   "want 1 to",
		"rate-limit-initials(x)":   "no number of Initials",
		"forgetful-nat(-1s)":       "want a positive one",
		"forgetful-nat(soon)":      "write 30s",
		"drop-unknown-groups(foo)": "foo",
	} {
		_, err := link.ParseMiddlebox(text)
		require.ErrorContains(t, err, fail, text)
	}
	for _, m := range link.Middleboxes() {
		again, err := link.ParseMiddlebox(m.String())
		require.NoError(t, err)
		require.Equal(t, m.String(), again.String())
	}
}

func TestProfiles(t *testing.T) {
	for _, p := range link.Profiles() {
		require.NoError(t, p.Path.Check(), p.Name)
		require.NotEmpty(t, p.Source, p.Name)
		got, err := link.ParseProfile(p.Name)
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	p, err := link.ParseProfile("conext-5g")
	require.NoError(t, err)
	require.Equal(t, "5g", p.Name)
	require.Equal(t, 44*time.Millisecond, p.Path.RTT())
	_, err = link.ParseProfile("conext-geo")
	require.ErrorContains(t, err, `unknown profile "conext-geo"`)
	_, err = link.ParseProfile("6g")
	require.ErrorContains(t, err, `did you mean "5g"?`)
}

func TestParseRateAndQueue(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "128000": 128_000, "1Mbit": 1_000_000, "1.5 Mbit/s": 1_500_000, "880mbit": 880_000_000, "10G": 10_000_000_000, "64kbit/s": 64_000, "8bit": 8,
	} {
		got, err := link.ParseRate(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]int{"0": 0, "65536": 65536, "64KiB": 65536, "100kB": 100_000, "2MB": 2_000_000, "1b": 1} {
		got, err := link.ParseQueue(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-1", "1e6", "inf", "fast", "0.1", "2000000Gbit", "1 MBps", "."} {
		_, err := link.ParseRate(text)
		require.ErrorContains(t, err, "write 1Mbit", text)
		_, err = link.ParseQueue(text)
		require.ErrorContains(t, err, "write 64KiB", text)
	}
}

func TestCheck(t *testing.T) {
	require.NoError(t, link.Path{}.Check())
	for fail, d := range map[string]link.Direction{
		"MTU 1199 bytes":      {MTU: 1199},
		"MTU 70000 bytes":     {MTU: 70000},
		"delay -1ns":          {Delay: -1},
		"jitter 2h0m0s":       {Jitter: 2 * time.Hour},
		"rate -1 bit/s":       {Rate: -1},
		"queue -1 bytes":      {Queue: -1},
		"loss: 120% is no":    {Loss: link.IID{P: 1.2}},
		"reorder: 150% is no": {Reorder: 1.5},
	} {
		require.ErrorContains(t, link.Path{Up: d}.Check(), "up: "+fail)
		require.ErrorContains(t, link.Path{Down: d}.Check(), "down: "+fail)
		require.Panics(t, func() { link.Connect(link.Path{Up: d}, link.Schedule{}, clientAddr, serverAddr) })
	}
	require.ErrorContains(t, link.Path{Middleboxes: []link.Middlebox{link.LimitSize(1)}}.Check(), "middlebox limit-size(1)")
	require.ErrorContains(t, link.Path{Middleboxes: []link.Middlebox{nil}}.Check(), "nil")
}

// What a parser accepts it prints in a form that it reads back as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"5%", "gilbert-elliott(0.01,0.25)", "gilbert-elliott(1%,25%,10%,99%)", "limit-size(1300)", "forgetful-nat(90s)", "drop-unknown-groups(0x11ec)", "1.5Mbit/s", "64KiB", "conext-5g", "a(b", "1e-300%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := link.ParseLoss(text); err == nil {
			require.NoError(t, link.Path{Up: link.Direction{Loss: l}}.Check())
			again, err := link.ParseLoss(l.String())
			if l.Mean() > 1e-9 && l.Mean() < 1-1e-9 { // twelve digits are printed
				require.NoError(t, err)
				require.InDelta(t, l.Mean(), again.Mean(), 1e-6)
			}
		}
		if m, err := link.ParseMiddlebox(text); err == nil {
			require.NoError(t, link.Path{Middleboxes: []link.Middlebox{m}}.Check())
			again, err := link.ParseMiddlebox(m.String())
			require.NoError(t, err)
			require.Equal(t, m.String(), again.String())
		}
		if r, err := link.ParseRate(text); err == nil {
			require.NoError(t, link.Direction{Rate: r}.Check())
		}
		if q, err := link.ParseQueue(text); err == nil {
			require.NoError(t, link.Direction{Queue: q}.Check())
		}
		if p, err := link.ParseProfile(text); err == nil {
			require.NotEmpty(t, p.Source)
		}
	})
}
