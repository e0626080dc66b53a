package export

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"pqbench/results"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Err        string          `xml:"system-err,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes a test case for the whole and one for each number: a regression and a missing number are failures, what could
// not be decided is skipped, with its reason.
func JUnit(w io.Writer, f results.Findings) error {
	suite := junitSuite{Name: "pqbench." + f.Tier, Properties: []junitProperty{{"base", f.Base}, {"head", f.Head}, {"host", host(f)}}}
	for _, warning := range f.Warnings {
		suite.Err += warning + "\n"
	}
	class := "pqbench." + f.Tier
	suite.add(junitCase{Class: class, Name: "verdict"}, f.Verdict(), verdictLine(f))
	for _, one := range f.Findings {
		suite.add(junitCase{Class: class + "." + one.Experiment, Name: strings.TrimSpace(one.Metric + " " + one.Arm.String() + on(one))}, failing(one), told(one))
	}
	all := junitSuites{Name: "pqbench", Tests: suite.Tests, Failures: suite.Failures, Skipped: suite.Skipped, Suites: []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// failing is a finding's verdict, or that of a regression where it fails as one does.
func failing(f results.Finding) string {
	if f.Fails && f.Verdict != results.VerdictMissing {
		return results.VerdictRegressed
	}
	return f.Verdict
}

func (s *junitSuite) add(c junitCase, verdict, text string) {
	s.Tests++
	switch verdict {
	case results.VerdictRegressed, results.VerdictMissing:
		s.Failures++
		c.Failure = &junitMessage{Message: text, Type: verdict, Text: text}
	case results.VerdictInconclusive:
		s.Skipped++
		c.Skipped = &junitMessage{Message: text}
	default:
		c.Out = text
	}
	s.Cases = append(s.Cases, c)
}

// told is a finding as a sentence.
func told(f results.Finding) string {
	base, head := values(f)
	text := fmt.Sprintf("%s: %s → %s", title(f), base, head)
	if f.Base == nil && f.Verdict == "" {
		text = fmt.Sprintf("%s: %s", title(f), head)
	}
	for _, more := range []string{change(f), f.Verdict, f.Note} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}
