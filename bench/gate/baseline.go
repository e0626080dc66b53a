package gate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pqbench/results"
)

// Key is the set of versions that a baseline is for: Go, whose crypto/tls makes the messages, and the modules that decide what
// is sent. Others make no difference on the wire, and shall not ask for a new baseline.
type Key struct {
	Go    string `json:"go"`
	QUIC  string `json:"quic"`  // github.com/quic-go/quic-go
	CIRCL string `json:"circl"` // github.com/cloudflare/circl
	Capnp string `json:"capnp"` // capnproto.org/go/capnp/v3, of the registration
}

func keyOf(v results.Versions) Key {
	module := func(path string) string {
		if version := v.Modules[path]; version != "" {
			return version
		}
		return "replaced" // by a folder, which has no version
	}
	return Key{Go: v.Go, QUIC: module("github.com/quic-go/quic-go"), CIRCL: module("github.com/cloudflare/circl"),
		Capnp: module("capnproto.org/go/capnp/v3")}
}

// String is for a reader.
func (k Key) String() string {
	return fmt.Sprintf("%s, quic-go %s, circl %s, capnp %s", k.Go, k.QUIC, k.CIRCL, k.Capnp)
}

// File is the name of the key's baseline within its folder.
func (k Key) File() string {
	name := fmt.Sprintf("%s_quic-%s_circl-%s_capnp-%s.json", k.Go, k.QUIC, k.CIRCL, k.Capnp)
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\: `, r) {
			return '-' // of a development toolchain
		}
		return r
	}, name)
}

// Accepted is one entry of a baseline's history.
type Accepted struct {
	Time    time.Time `json:"time"`
	Commit  string    `json:"commit"` // what was measured
	Reason  string    `json:"reason"`
	Changed int       `json:"changed"` // numbers that differed, came or went
}

// Baseline is a file of numbers that were accepted.
type Baseline struct {
	Schema   int        `json:"schema"`
	Key      Key        `json:"key"`
	Arch     string     `json:"arch"`     // that the allocations were counted on
	Provider string     `json:"provider"` // that they were counted with
	History  []Accepted `json:"history"`  // the last one is the latest
	Values   []Value    `json:"values"`
	lines    []int      // of each value in the file, from 1
}

// schema of a baseline.
const schema = 1

// ErrEdited is a baseline whose checksum is not that of its content.
var ErrEdited = errors.New("it was changed by hand, or by a merge: its checksum is not that of its content. " +
	"Take the committed one again (git checkout), or measure and accept anew: pqbench gate --accept \"reason\"")

// encode writes one number a line, so that a diff shows what changed, and the checksum last.
func (b Baseline) encode() ([]byte, error) {
	var text bytes.Buffer
	head := b
	head.Values = nil
	data, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return nil, err
	}
	front, _, ok := bytes.Cut(data, []byte(`"values": null`))
	if !ok {
		return nil, errors.New("a baseline's values are not where they were")
	}
	text.Write(front)
	text.WriteString("\"values\": [\n")
	for i, v := range b.Values {
		line, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.id(), err)
		}
		text.WriteString("    ")
		text.Write(line)
		if i < len(b.Values)-1 {
			text.WriteByte(',')
		}
		text.WriteByte('\n')
	}
	text.WriteString("  ],\n")
	fmt.Fprintf(&text, "  %q: %q\n}\n", checksumField, sum(text.Bytes()))
	return text.Bytes(), nil
}

const checksumField = "checksum"

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(s[:])
}

// decode reads what encode wrote, and nothing else: the checksum is of the very bytes in front of it.
func decode(text []byte) (Baseline, error) {
	var file struct {
		Baseline
		Checksum string `json:"checksum"` // compared below, with all the rest
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return Baseline{}, fmt.Errorf("damaged: %w", err)
	}
	if file.Schema != schema {
		return Baseline{}, fmt.Errorf("schema version %d is unknown: this pqbench reads version %d", file.Schema, schema)
	}
	b := file.Baseline
	b.lines = linesOf(text, len(b.Values))
	// The checksum is made anew from the content, and the form has no freedom: what differs in a byte was edited.
	if again, err := b.encode(); err != nil || !bytes.Equal(again, text) {
		return b, ErrEdited
	}
	seen := map[string]bool{}
	for _, v := range b.Values {
		if seen[v.id()] {
			return b, fmt.Errorf("%s stands there twice", v.id())
		}
		seen[v.id()] = true
	}
	return b, nil
}

// linesOf are the numbers of the lines that hold values.
func linesOf(text []byte, values int) []int {
	var lines []int
	for i, line := range bytes.Split(text, []byte("\n")) {
		if bytes.HasPrefix(line, []byte(`    {"arm":`)) && len(lines) < values {
			lines = append(lines, i+1)
		}
	}
	return lines
}

// read reads a baseline. The one beside ErrEdited is what the file says, not to be believed.
func read(path string) (Baseline, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Baseline{}, err
	}
	b, err := decode(text)
	if err != nil {
		return b, fmt.Errorf("baseline %s: %w", path, err)
	}
	return b, nil
}

// write replaces the file as a whole.
func (b Baseline) write(dir string) (path string, err error) {
	text, err := b.encode()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, b.Key.File())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return path, results.ReplaceFile(path, text)
}

// latest is the baseline of other versions that was accepted last; ok is false where there is none that can be read.
func latest(dir string, but Key) (b Baseline, path string, ok bool) {
	names, err := fs.Glob(os.DirFS(dir), "*.json")
	if err != nil {
		return b, "", false
	}
	slices.Sort(names)
	for _, name := range names {
		other, err := read(filepath.Join(dir, name))
		if err != nil || other.Key == but || len(other.History) == 0 {
			continue
		}
		if !ok || other.accepted().After(b.accepted()) {
			b, path, ok = other, filepath.Join(dir, name), true
		}
	}
	return b, path, ok
}

func (b Baseline) accepted() time.Time { return b.History[len(b.History)-1].Time }
