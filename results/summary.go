package results

// Summary is summary.json: every number that a report prints. Other programs read it; names and units are stable
// within a schema version.
type Summary struct {
	Schema      int          `json:"schema"`
	Rows        []Row        `json:"rows"`
	Comparisons []Comparison `json:"comparisons"`
	// Outcomes are how the attempts of a policy experiment ended.
	Outcomes []Outcome `json:"outcomes,omitempty"`
	// Generators say of every arm to which load was offered whether the load generator limited its result.
	Generators []Generator `json:"generators,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
	// Computing names the run whose measured CPU time is in virtual times; empty: computing takes none there.
	Computing string `json:"computing,omitempty"`
}

// Generator is the verdict on a load generator. A result that it limited tells of the generator, not of the edge.
type Generator struct {
	Experiment string   `json:"experiment"`
	Arm        Arm      `json:"arm"`
	Bound      bool     `json:"generator_bound"`
	Reasons    []string `json:"reasons,omitempty"`
}

// Outcome is how the handshakes of an arm ended, where that is the question: the negotiated group, or the refusal.
type Outcome struct {
	Experiment string `json:"experiment"`
	Arm        Arm    `json:"arm"`
	Text       string `json:"text"`
}

// Row is one metric of one arm.
type Row struct {
	Experiment string `json:"experiment"`
	Metric     string `json:"metric"`
	Arm        Arm    `json:"arm"`
	Unit       string `json:"unit"`
	Better     string `json:"better"`
	// Value is nil when it must not be printed; Warnings then say why (a p99 of 200 samples).
	Value *float64 `json:"value"`
	// Low and High are the 95 % interval, or the least and greatest value of an exact metric; nil without one.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
	// N is how many units of work stand behind the value: samples, handshakes, requests, operations' batches.
	N int `json:"n"`
	// Blocks is in how many blocks the arm was measured.
	Blocks   int      `json:"blocks"`
	Warnings []string `json:"warnings,omitempty"`
}

// The verdicts of a Comparison.
const (
	VerdictHigher       = "higher"       // a difference, and it is significant
	VerdictLower        = "lower"        // likewise
	VerdictEquivalent   = "equivalent"   // the 90 % interval lies within the margin (TOST)
	VerdictInconclusive = "inconclusive" // neither: the interval is too wide
)

// Comparison is Arm against Base over the blocks that hold both: the median of the blocks' ratios.
type Comparison struct {
	Experiment string   `json:"experiment"`
	Metric     string   `json:"metric"`
	Arm        Arm      `json:"arm"`
	Base       Arm      `json:"base"`
	Kind       string   `json:"kind"`
	Ratio      *float64 `json:"ratio"`
	Low        *float64 `json:"low"`  // 95 % bootstrap interval of the ratio
	High       *float64 `json:"high"` //
	// P is the paired sign test's, of means Student's, corrected by Holm–Bonferroni over its family: the comparisons of one kind and metric in the experiment.
	P       *float64 `json:"p"`
	Blocks  int      `json:"blocks"`
	Verdict string   `json:"verdict"`
	// Margin is that of the equivalence test, where there was one.
	Margin   float64  `json:"margin,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}
