package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"pqbench/results"
)

// Schema is the version of a line. A reader refuses one that it does not know.
const Schema = 1

// Line is one metric of one arm in one run.
type Line struct {
	Schema int       `json:"schema"`
	Run    string    `json:"run"`  // the name of its folder
	Time   time.Time `json:"time"` // when the run started, UTC
	Commit string    `json:"commit"`
	Dirty  bool      `json:"dirty,omitempty"` // the tree had changes that are in no commit
	Go     string    `json:"go"`
	// Host is what must be alike for numbers to be compared: processor, cores, system. See HostOf.
	Host string `json:"host"`
	// Method is a digest of how the experiment was made, as its manifest says it: with which counts and times. Empty in lines
	// of old.
	Method     string      `json:"method,omitempty"`
	Experiment string      `json:"experiment"`
	Metric     string      `json:"metric"`
	Arm        results.Arm `json:"arm"`
	Unit       string      `json:"unit"`
	Better     string      `json:"better,omitempty"` // as a results.Metric's
	Value      float64     `json:"value"`
	Low        *float64    `json:"low,omitempty"` // 95 % interval, where there is one
	High       *float64    `json:"high,omitempty"`
	N          int         `json:"n"`
}

// Virtual is the host of a run in virtual time: its numbers are the same on any.
const Virtual = "any host (virtual time)"

// HostOf names a host by what its numbers depend on. The kernel is left out: it changes under a series, and a change of level
// is then told with the run's line.
func HostOf(m results.Manifest) string {
	if m.Virtual {
		return Virtual
	}
	h := m.Host
	cpu := h.CPU
	if cpu == "" {
		cpu = "unknown processor"
	}
	text := fmt.Sprintf("%s, %d cores, %s/%s", cpu, h.Cores, h.OS, h.Arch)
	if h.GOMAXPROCS != h.Cores {
		text += fmt.Sprintf(", GOMAXPROCS %d", h.GOMAXPROCS)
	}
	if h.Virtual != "" {
		text += ", virtual (" + h.Virtual + ")"
	}
	return text
}

// Lines are a run's. It must be complete: half a run would be taken for a whole one. Rows without a value have no line, nor has the
// control's second appearance: it is noise by design.
func Lines(run string, m results.Manifest, s results.Summary) ([]Line, error) {
	if !m.Complete {
		return nil, fmt.Errorf("run %s is incomplete (%s): a history takes whole runs alone", run, m.Reason)
	}
	if m.Plan == "compare" {
		return nil, fmt.Errorf("run %s is a comparison: its numbers are of two programs, and of neither of them at the commit that it names", run)
	}
	methods := map[string]string{}
	for _, e := range m.Experiments {
		methods[e.Name] += e.Note
	}
	var lines []Line
	for _, row := range s.Rows {
		if row.Value == nil || row.Arm.AA {
			continue
		}
		lines = append(lines, Line{Schema: Schema, Run: run, Time: m.Started.UTC().Truncate(time.Second), Commit: m.Versions.Commit, Dirty: m.Versions.Dirty,
			Go: m.Versions.Go, Host: HostOf(m), Experiment: row.Experiment, Metric: row.Metric, Arm: row.Arm, Unit: row.Unit, Better: row.Better,
			Method: digest(methods[row.Experiment]), Value: *row.Value, Low: row.Low, High: row.High, N: row.N})
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("run %s has no values to keep", run)
	}
	return lines, nil
}

// digest names a text by what it says; "" is none.
func digest(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:8]
}

// key tells lines apart.
func (l Line) key() string { return l.Run + "\x00" + l.series() }

// series tells what may be compared, the host aside.
func (l Line) series() string { return l.Experiment + "\x00" + l.Metric + "\x00" + l.Arm.String() }

// check refuses a line that no run can have made.
func (l Line) check() error {
	finite := func(v *float64) bool { return v == nil || !math.IsNaN(*v) && !math.IsInf(*v, 0) }
	switch {
	case l.Schema != Schema:
		return fmt.Errorf("schema version %d is unknown: this pqbench reads version %d", l.Schema, Schema)
	case l.Run == "":
		return errors.New("it names no run")
	case l.Time.IsZero():
		return errors.New("it has no time")
	case l.Host == "":
		return errors.New("it names no host")
	case l.Metric == "":
		return errors.New("it names no metric")
	case l.Better != "" && l.Better != "lower" && l.Better != "higher":
		return fmt.Errorf("better is %q: lower, higher or nothing", l.Better)
	case !finite(&l.Value) || !finite(l.Low) || !finite(l.High):
		return errors.New("a value is not finite")
	case (l.Low == nil) != (l.High == nil) || l.Low != nil && *l.Low > *l.High:
		return errors.New("its interval has not two ends in order")
	}
	return nil
}

// Read reads a history. Errors name the line: one that is damaged or cut short, of another schema, with an unknown field, or
// with a number that an earlier line has.
func Read(r io.Reader) ([]Line, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var lines []Line
	seen := map[string]int{}
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		l, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if first, twice := seen[l.key()]; twice {
			return nil, fmt.Errorf("line %d: run %s has %s of %s on line %d already", number, l.Run, l.Metric, l.Arm, first)
		}
		seen[l.key()] = number
		lines = append(lines, l)
	}
	return lines, nil
}

func parse(raw []byte) (Line, error) {
	var l Line
	if !bytes.HasSuffix(raw, []byte("\n")) {
		return l, errors.New("it is cut short: it has no end")
	}
	if strings.TrimSpace(string(raw)) == "" {
		return l, errors.New("it is empty")
	}
	if bytes.HasPrefix(raw, []byte("<<<<<<<")) || bytes.HasPrefix(raw, []byte("=======")) || bytes.HasPrefix(raw, []byte(">>>>>>>")) {
		return l, errors.New("it is a mark of a merge: keep the lines of both sides")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("damaged: %w", err)
	}
	if d.More() {
		return l, errors.New("something stands behind its object")
	}
	return l, l.check()
}

// write writes lines as Read reads them.
func write(lines []Line) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	for _, l := range lines {
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", l.Metric, l.Arm, err)
		}
		if err := e.Encode(l); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}
