package compare

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/bench/role"
	"pqbench/results"
)

// tapeSchema is the version of a tape.
const tapeSchema = 3

// tape is the self-test's record, a line of JSON for its head and one for each round. It grows at its end alone, so that
// it can be resumed whenever it stopped.
type tape struct {
	path   string
	head   tapeHead
	rounds []taped
	file   *os.File
}

// digest names a text by what it says.
func digest(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text))[:16] }

// newTapeHead is that of this program, with a plan.
func newTapeHead(plan Plan) (h tapeHead, err error) {
	versions, host := bench.Here()
	h = tapeHead{Commit: versions.Commit, Go: versions.Go, Host: host}
	path, err := role.Program{}.Executable()
	if err != nil {
		return h, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return h, err
	}
	h.Program = digest(text)
	if text, err = yaml.Marshal(plan); err != nil {
		return h, err
	}
	h.Plan = digest(text)
	return h, nil
}

// tapeHead is what all rounds of a tape have in common.
type tapeHead struct {
	Schema int          `json:"schema"`
	Commit string       `json:"commit"`
	Go     string       `json:"go"`
	Host   results.Host `json:"host"`
	// Program and Plan are digests of the executable and of what it measured: a commit does not name a tree with changes.
	Program string `json:"program"`
	Plan    string `json:"plan"`
	// Busy is the work of the heads that are slower, as burdens has them.
	Busy []role.Busy `json:"busy"`
}

// program is this one with a burden, 0 for none.
func (h tapeHead) program(burden int) role.Program {
	if burden == 0 {
		return role.Program{}
	}
	return role.Program{Env: []string{role.BusyVariable + "=" + h.Busy[burden-1].String()}}
}

// taped is one round, as a comparison has it.
type taped struct {
	Experiment string `json:"experiment"`
	// Burden is the head's, counted from 1 in burdens; 0 where the head is the unchanged program like the others.
	Burden int           `json:"burden,omitempty"`
	Arms   [arms]Values  `json:"arms"`
	Cost   time.Duration `json:"cost"`
}

// alike is how many of its arms, from the first on, are the same program.
func (r taped) alike() int {
	if r.Burden == 0 {
		return int(arms)
	}
	return int(Head)
}

// whole reports whether a round can be drawn.
func (r taped) whole() error {
	for a, values := range r.Arms {
		if values == nil {
			return fmt.Errorf("a round without %v", Arm(a))
		}
	}
	if r.Cost <= 0 || r.Burden < 0 || r.Burden > len(burdens) {
		return fmt.Errorf("a round of burden %d in %v: there are %d, and it takes time", r.Burden, r.Cost, len(burdens))
	}
	return nil
}

// openTape opens a tape to go on with it, or a new one. One of another program or host is refused.
func openTape(path string, head tapeHead) (*tape, error) {
	head.Schema = tapeSchema
	t := &tape{path: path, head: head}
	text, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	defer text.Close()
	whole, err := t.read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (remove it, or choose another folder with --output)", path, err)
	}
	if t.file, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	// A last line that a crash cut short goes; what follows it would be lost with it.
	err = t.file.Truncate(whole)
	if err == nil {
		_, err = t.file.Seek(whole, io.SeekStart)
	}
	return t, err
}

// read reads the lines, and returns how many bytes the whole ones are.
func (t *tape) read(r io.Reader) (whole int64, err error) {
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return whole, t.usable()
		}
		if err != nil {
			return 0, err
		}
		if err := t.take(number, line); err != nil {
			return 0, fmt.Errorf("line %d: %w", number, err)
		}
		whole += int64(len(line))
	}
}

func (t *tape) usable() error {
	if t.head.Busy == nil {
		return errors.New("it has no head")
	}
	return nil
}

// take takes one line.
func (t *tape) take(number int, line []byte) error {
	if number > 1 {
		var r taped
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		if err := r.whole(); err != nil {
			return err
		}
		t.rounds = append(t.rounds, r)
		return nil
	}
	var head tapeHead
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	switch {
	case head.Schema != tapeSchema:
		return fmt.Errorf("schema version %d is unknown: this pqbench reads version %d", head.Schema, tapeSchema)
	case head.Commit != t.head.Commit || head.Go != t.head.Go:
		return fmt.Errorf("it was recorded with %s on %s, and this is %s on %s", head.Commit, head.Go, t.head.Commit, t.head.Go)
	case head.Program != t.head.Program:
		return fmt.Errorf("it was recorded with another build of %s", head.Commit)
	case head.Plan != t.head.Plan:
		return errors.New("it was recorded with another plan (--thresholds)")
	case len(head.Busy) != len(burdens):
		return fmt.Errorf("it has %d burdens, want %d", len(head.Busy), len(burdens))
	}
	if different := differentHosts(head.Host, t.head.Host); different != "" {
		return fmt.Errorf("it was recorded on another host (%s)", different)
	}
	t.head = head
	return nil
}

// begin writes the head of a new tape.
func (t *tape) begin(busy []role.Busy) (err error) {
	t.head.Busy = busy
	if t.file, err = os.OpenFile(t.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	return t.write(t.head)
}

func (t *tape) add(r taped) error {
	t.rounds = append(t.rounds, r)
	return t.write(r)
}

func (t *tape) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = t.file.Write(append(line, '\n'))
	}
	return err
}

func (t *tape) close() {
	if t.file != nil {
		t.file.Close() // every line was written
	}
}

// spent is the time of all rounds, spentOn that of each experiment's.
func (t *tape) spent() (total time.Duration) {
	for _, r := range t.rounds {
		total += r.Cost
	}
	return total
}

// next is the burden of an experiment's next round: where there are any, all have their turns.
func (t *tape) next(e Experiment) int {
	if e.Name != burdened {
		return 0
	}
	made := 0
	for _, r := range t.rounds {
		if r.Experiment == e.Name {
			made++
		}
	}
	return made % (1 + len(burdens))
}

func (t *tape) spentOn() map[string]time.Duration {
	spent := map[string]time.Duration{}
	for _, r := range t.rounds {
		spent[r.Experiment] += r.Cost
	}
	return spent
}
