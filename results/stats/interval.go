package stats

import (
	"fmt"
	"math"
)

// MinBlocks is the fewest blocks an interval is given for. With five values not even the whole range from the least to
// the greatest holds the median with 95 % confidence (1 − 2/2⁵ = 93.75 %); with six it does (1 − 2/2⁶ = 96.9 %).
const MinBlocks = 6

// An Interval is an estimate and its two-sided 95 % confidence interval, in the unit of the values it was made from.
type Interval struct {
	Value, Low, High float64
}

// Censored reports that the estimate lies among the failures: it is only known to be above every value that was seen.
func (i Interval) Censored() bool { return math.IsInf(i.Value, 1) }

// noInterval is an estimate that stands alone.
func noInterval(value float64) Interval {
	return Interval{Value: value, Low: math.NaN(), High: math.NaN()}
}

// A BlocksError refuses an interval: there are too few blocks to make one from. The estimate returned beside it is good.
type BlocksError struct {
	Have, Need int
}

func (e *BlocksError) Error() string {
	return fmt.Sprintf("%d blocks are too few for an interval: measure at least %d", e.Have, e.Need)
}

// enough is a *BlocksError when blocks is below MinBlocks.
func enough(blocks int) error {
	if blocks < MinBlocks {
		return &BlocksError{Have: blocks, Need: MinBlocks}
	}
	return nil
}
