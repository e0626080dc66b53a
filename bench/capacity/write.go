package capacity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pqbench/results/report"
)

// The files that Write makes, beside plots/capacity-*.svg and .png.
const (
	MarkdownFile = "capacity.md"
	JSONFile     = "capacity.json"
)

// WriteText prints the report for a terminal.
func (p *Plan) WriteText(w io.Writer) error { return writeText(w, p.sections()) }

// WriteMarkdown writes the report.
func (p *Plan) WriteMarkdown(w io.Writer) error { return writeMarkdown(w, p.sections()) }

// WriteJSON writes every number of the report.
func (p *Plan) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(p.record())
}

// Write makes capacity.md, capacity.json and the plots in a folder, which is made where it is not there. Each file is
// replaced as a whole.
func (p *Plan) Write(dir string) error {
	var markdown, record bytes.Buffer
	if err := errors.Join(p.WriteMarkdown(&markdown), p.WriteJSON(&record)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, report.PlotsFolder), 0o755); err != nil {
		return fmt.Errorf("write capacity: %w", err)
	}
	files := map[string][]byte{MarkdownFile: markdown.Bytes(), JSONFile: record.Bytes()}
	for _, c := range p.charts() {
		for ending, draw := range map[string]func(string) ([]byte, error){"svg": c.SVG, "png": c.PNG} {
			data, err := draw(c.name)
			if err != nil {
				return err
			}
			files[filepath.Join(report.PlotsFolder, c.name+"."+ending)] = data
		}
	}
	for name, data := range files {
		if err := report.Replace(filepath.Join(dir, name), data); err != nil {
			return fmt.Errorf("write capacity: %w", err)
		}
	}
	return nil
}
