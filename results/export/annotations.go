package export

import (
	"fmt"
	"io"
	"strings"

	"pqbench/results"
)

// mostAnnotations is how many of a kind GitHub shows of a step; the last of ours says how many more there are.
const mostAnnotations = 10

// Annotations writes workflow commands: an error for each regression and each number that is missing, a warning for what
// could not be decided and for the warnings of the whole, a notice for an improvement.
func Annotations(w io.Writer, f results.Findings) error {
	kinds := map[string][]string{}
	for _, warning := range f.Warnings {
		kinds["warning"] = append(kinds["warning"], command("warning", "pqbench", "", 0, warning))
	}
	for _, one := range significant(f) {
		kind := map[string]string{results.VerdictRegressed: "error", results.VerdictMissing: "error", results.VerdictInconclusive: "warning"}[failing(one)]
		if kind == "" {
			kind = "notice"
		}
		base, head := values(one)
		message := fmt.Sprintf("%s %s: %s → %s", title(one), one.Verdict, base, head)
		for _, more := range []string{change(one), where(one), one.Note} {
			if more != "" {
				message += ", " + more
			}
		}
		kinds[kind] = append(kinds[kind], command(kind, "pqbench: "+title(one), one.File, one.Line, message))
	}
	for _, kind := range []string{"error", "warning", "notice"} {
		lines := kinds[kind]
		if more := len(lines) - (mostAnnotations - 1); more > 1 {
			lines = append(lines[:mostAnnotations-1:mostAnnotations-1], command(kind, "pqbench", "", 0, fmt.Sprintf("%d more: see the step summary", more)))
		}
		if _, err := io.WriteString(w, strings.Join(lines, "")); err != nil {
			return err
		}
	}
	return nil
}

// command is one workflow command with its line's end.
func command(kind, title, file string, line int, message string) string {
	var properties []string
	if file != "" {
		properties = append(properties, "file="+property.Replace(file))
	}
	if line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", line))
	}
	properties = append(properties, "title="+property.Replace(title))
	return "::" + kind + " " + strings.Join(properties, ",") + "::" + data.Replace(message) + "\n"
}

// What ends a command, or a property, early is escaped as the runner's toolkit does.
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
