package results

import "time"

// Schema is the version of the manifest, the records and the summary. A reader refuses a version it does not know.
const Schema = 1

// Manifest says what a run was: everything a reader needs to judge its numbers, and to run it again.
type Manifest struct {
	Schema   int       `json:"schema"`
	Plan     string    `json:"plan"`      // the plan's name
	PlanText string    `json:"plan_text"` // the plan as read, YAML
	Seed     uint64    `json:"seed"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Complete is false when the run was interrupted or failed; Reason says why.
	Complete bool `json:"complete"`
	// Virtual says that the times are those of a simulated network, on which computing takes none.
	Virtual bool `json:"virtual,omitempty"`
	// Computing names the run whose measured CPU time computing takes in virtual time; empty: it takes none.
	Computing string `json:"computing,omitempty"`
	Reason    string `json:"reason,omitempty"`

	Experiments []Experiment `json:"experiments"`
	Arms        []ArmOf      `json:"arms"`
	Pairs       []Pair       `json:"pairs"`

	Versions Versions          `json:"versions"`
	Host     Host              `json:"host"`
	Noise    Noise             `json:"noise"`
	Labels   map[string]string `json:"labels,omitempty"`
	// Warnings belong to the run as a whole and stand on top of its report.
	Warnings []string `json:"warnings,omitempty"`
}

// Experiment is one part of a run: an experiment of the plan, and how far it came.
type Experiment struct {
	Name   string `json:"name"`
	Blocks int    `json:"blocks"` // as planned
	Done   int    `json:"done"`   // whole blocks measured
	// Note says in a sentence what was done, for the report's method section.
	Note string `json:"note,omitempty"`
	// Exact names the metrics that have the same values in every run with the same seed and versions, on every machine.
	Exact []string `json:"exact,omitempty"`
	// Target is the address of the user's own server that it was aimed at; empty for a local edge.
	Target string `json:"target,omitempty"`
	// Skipped says why it could not be measured here; empty when it was.
	Skipped string `json:"skipped,omitempty"`
}

// ArmOf is an arm within an experiment. Sample.Arm and Trial.Arm are indices into Manifest.Arms.
type ArmOf struct {
	Experiment string `json:"exp"`
	Arm        Arm    `json:"arm"`
	// Note is a limit to print beside the arm's rows ("no AVX2 on this CPU: same code as circl-generic").
	Note string `json:"note,omitempty"`
}

// Pair is a comparison that the plan asked for: Arm against Base, indices into Manifest.Arms, in the same blocks.
type Pair struct {
	Arm  int `json:"arm"`
	Base int `json:"base"`
	// Kind is what differs: "group", "kem", "stack", "policy", or "aa".
	Kind string `json:"kind"`
	// Equivalence is the claim under test where the claim is "no difference": the margin of the ratio (0.02 is ±2 %).
	// Zero asks for a difference instead.
	Equivalence float64 `json:"equivalence,omitempty"`
}

// Versions are what was run.
type Versions struct {
	Commit  string            `json:"commit"` // from git; "unknown" outside a checkout
	Dirty   bool              `json:"dirty,omitempty"`
	Go      string            `json:"go"`
	Modules map[string]string `json:"modules,omitempty"`
	// Overlay says whether this build speaks the Draft00 groups.
	Overlay bool `json:"overlay"`
}

// Host is where it ran.
type Host struct {
	OS         string   `json:"os"`
	Arch       string   `json:"arch"`
	Kernel     string   `json:"kernel,omitempty"`
	CPU        string   `json:"cpu,omitempty"`
	Features   []string `json:"features,omitempty"`
	Cores      int      `json:"cores"`
	GOMAXPROCS int      `json:"gomaxprocs"`
	Governor   string   `json:"governor,omitempty"`
	MemoryMiB  int      `json:"memory_mib,omitempty"`
	RMemMax    int      `json:"rmem_max,omitempty"` // bytes
	WMemMax    int      `json:"wmem_max,omitempty"` // bytes
	GSO        string   `json:"gso,omitempty"`
	// Virtual is the hypervisor's name where the host says it is one.
	Virtual string `json:"virtual,omitempty"`
}

// Noise is how quiet the host was: how much a fixed computation varied over about one second before and after the
// run, and the CPU time that the hypervisor took away during it.
type Noise struct {
	// Before and After are the 90th percentile over the median of the probe's times, less one (0.03 is 3 %).
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Drift is the median after over the median before, less one.
	Drift float64 `json:"drift"`
	// Steal is the share of all CPU time during the run, 0..1; negative when the host does not say.
	Steal float64 `json:"steal"`
	// Load is the one-minute load average before the start; negative when the host does not say.
	Load float64 `json:"load"`
}
