package compare

import (
	"context"
	"fmt"
	"math"
	"time"

	"pqbench/results/stats"
)

// Arm is a place in a round.
type Arm int

// The arms of a round: the base, the base in other processes, and the head.
const (
	Base Arm = iota
	Again
	Head
	arms
)

// String is the arm's name.
func (a Arm) String() string {
	if a >= arms {
		return fmt.Sprintf("arm %d", int(a))
	}
	return [...]string{"base", "base again", "head"}[a]
}

// Values are one process's numbers by the names of the metrics.
type Values map[string]float64

// A Round is what the three arms of one experiment gave, in processes that lived side by side.
type Round struct {
	Experiment string `json:"experiment"`
	// Number counts an experiment's rounds from 0.
	Number int `json:"number"`
	// Arms are the values of base, base again and head.
	Arms [arms]Values `json:"arms"`
	// Places are the arms' in the order in which they began; all 0 where they began together.
	Places [arms]int `json:"places"`
	// Started and Finished are on the run's clock, ns; 0 for a round that was not measured.
	Started, Finished int64 `json:"-"`
	// Cost is the time that the round took, the start of its processes included.
	Cost time.Duration `json:"cost"`
}

// A Source gives rounds of an experiment by its name: measured, drawn from a record, or made up.
type Source interface {
	Round(ctx context.Context, experiment string) (Round, error)
}

// A series is a metric's rounds.
type series []*Round

// differences are the head's log ratios to the bases, each round a cluster, and those of base again to base. Rounds where
// an arm has no value, or one that has no logarithm, are left out of both.
func (s series) differences(metric string) (head, calibration [][]float64) {
	for _, r := range s {
		var logs [arms]float64
		for a, values := range r.Arms {
			v, ok := values[metric]
			if !ok {
				v = math.NaN()
			}
			logs[a] = math.Log(v)
		}
		if sum := logs[Base] + logs[Again] + logs[Head]; math.IsNaN(sum) || math.IsInf(sum, 0) {
			continue
		}
		head = append(head, []float64{logs[Head] - logs[Base], logs[Head] - logs[Again]})
		calibration = append(calibration, []float64{logs[Again] - logs[Base]})
	}
	return head, calibration
}

// An estimate is a difference as a share of the base: 0.02 is 2 % more.
type estimate struct {
	stats.Effect // in logarithms
}

func centre(differences [][]float64) estimate { return estimate{stats.Centre(differences)} }

// share is the difference; interval its two-sided interval of the confidence.
func (e estimate) share() float64 { return math.Expm1(e.Value) }

func (e estimate) interval(confidence float64) (low, high float64) {
	low, high = e.Interval(confidence)
	return math.Expm1(low), math.Expm1(high)
}

// floor is what the calibration shows where there is nothing: its own difference, or its standard error, whichever is
// greater, as a share.
func (e estimate) floor() float64 {
	return math.Expm1(max(math.Abs(e.Value), e.Error))
}
