package link

import (
	"fmt"
	"strconv"
	"strings"
)

// Loss is a model of which datagrams are lost: [IID] or [GilbertElliott].
type Loss interface {
	String() string // in the form that ParseLoss reads
	Mean() float64  // share of datagrams that are lost, in the long run

	check() error
	chain() chain
}

// A chain decides datagram after datagram.
type chain func(draw) (lost bool)

// IID loses each datagram with probability P, independently.
type IID struct{ P float64 }

func (l IID) String() string { return percent(l.P) }
func (l IID) Mean() float64  { return l.P }
func (l IID) check() error   { return checkProbability(l.P) }
func (l IID) chain() chain   { return func(d draw) bool { return d.loss < l.P } }

// GilbertElliott loses datagrams in bursts: a chain of a good and a bad state, with the letters of Haßlinger and
// Hohlfeld, "The Gilbert-Elliott Model for Packet Loss in Real Time Services on the Internet" (MMB 2008). (netem's
// gemodel takes p, r, 1-h, 1-k.) The chain begins in its stationary distribution and moves before each datagram.
type GilbertElliott struct {
	P float64 // probability of going from good to bad
	R float64 // probability of going from bad to good; 1/R is the mean length of a bad period, in datagrams
	H float64 // probability of arriving in the bad state; 0 is Gilbert's simple model
	K float64 // probability of arriving in the good state; 0 is 1: a good state that loses all is none
}

// String returns "gilbert-elliott(P,R)", or with H and K where they are not the defaults.
func (l GilbertElliott) String() string {
	parts := []string{number(l.P), number(l.R)}
	if k := l.k(); l.H != 0 || k != 1 {
		parts = append(parts, number(l.H), number(k))
	}
	return "gilbert-elliott(" + strings.Join(parts, ",") + ")"
}

// Mean returns the stationary share of losses.
func (l GilbertElliott) Mean() float64 {
	bad := l.bad()
	return bad*(1-l.H) + (1-bad)*(1-l.k())
}

// bad is the stationary probability of the bad state.
func (l GilbertElliott) bad() float64 { return l.P / (l.P + l.R) }

func (l GilbertElliott) k() float64 {
	if l.K == 0 {
		return 1
	}
	return l.K
}

func (l GilbertElliott) check() error {
	for _, p := range []float64{l.P, l.R, l.H, l.K} {
		if err := checkProbability(p); err != nil {
			return err
		}
	}
	if l.P == 0 || l.R == 0 {
		return fmt.Errorf("%s: a chain with p or r of 0 never leaves a state: give both, or a percentage for independent losses", l)
	}
	return nil
}

func (l GilbertElliott) chain() chain {
	begun, bad := false, false
	return func(d draw) bool {
		switch {
		case !begun:
			begun, bad = true, d.state < l.bad()
		case bad:
			bad = d.state >= l.R
		default:
			bad = d.state < l.P
		}
		if bad {
			return d.loss >= l.H
		}
		return d.loss >= l.k()
	}
}

// ParseLoss reads "5%", "0.05", "0" or "gilbert-elliott(p,r)" and "gilbert-elliott(p,r,h,k)", whose numbers may be
// percentages too.
func ParseLoss(text string) (Loss, error) {
	name, args, err := parseCall(text)
	if err != nil {
		return nil, fmt.Errorf("loss %q: %w", text, err)
	}
	l, err := parseLoss(name, args)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return nil, fmt.Errorf("loss %q: %w", text, err)
	}
	return l, nil
}

func parseLoss(name string, args []string) (Loss, error) {
	if args == nil {
		p, err := parseProbability(name)
		return IID{p}, err
	}
	var l GilbertElliott
	fields := []*float64{&l.P, &l.R, &l.H, &l.K}
	if name != "gilbert-elliott" || len(args) != 2 && len(args) != len(fields) {
		return nil, fmt.Errorf("want a percentage, gilbert-elliott(p,r) or gilbert-elliott(p,r,h,k)")
	}
	for i, arg := range args {
		p, err := parseProbability(arg)
		if err != nil {
			return nil, err
		}
		*fields[i] = p
	}
	if len(args) == len(fields) && l.K == 0 {
		return nil, fmt.Errorf("k is the probability of arriving in the good state: it cannot be 0")
	}
	return l, nil
}

// parseCall splits "name(a,b)" into its name and arguments, which are nil without parentheses.
func parseCall(text string) (name string, args []string, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	name, rest, found := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	if !found {
		return name, nil, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	if !closed || strings.ContainsAny(inner, "()") {
		return "", nil, fmt.Errorf("want one pair of parentheses at the end")
	}
	args = []string{}
	if strings.TrimSpace(inner) == "" {
		return name, args, nil
	}
	for arg := range strings.SplitSeq(inner, ",") {
		args = append(args, strings.TrimSpace(arg))
	}
	return name, args, nil
}

// parseProbability reads "5%" or "0.05".
func parseProbability(text string) (float64, error) {
	digits, isPercent := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no probability: write 5%% or 0.05", text)
	}
	if isPercent {
		p /= 100
	}
	if checkProbability(p) != nil {
		return 0, fmt.Errorf("%s is no probability: want 0%% to 100%%", text)
	}
	return p, nil
}

func checkProbability(p float64) error {
	if !(p >= 0 && p <= 1) { // so that NaN is refused, too
		return fmt.Errorf("%s is no probability: want 0%% to 100%%", percent(p))
	}
	return nil
}

func percent(p float64) string { return number(p*100) + "%" }

// number prints at most twelve digits: 0.07*100 is 7.000000000000001.
func number(x float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
