package main

import (
	"fmt"
	"slices"
	"strings"
)

// overlayTag guards code that calls the hook. It is set together with the
// overlay or not at all: without the overlay such code does not compile.
const overlayTag = "pqbench_overlay"

// splitGOFLAGS splits by the rules of "go help environment": fields are
// separated by blanks, a field that begins with a quote runs to the next one,
// and there is no escaping.
func splitGOFLAGS(s string) ([]string, error) {
	const blanks = " \t\r\n"
	var flags []string
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		if quote := s[0]; quote == '"' || quote == '\'' {
			end := strings.IndexByte(s[1:], quote)
			if end < 0 {
				return nil, fmt.Errorf("GOFLAGS=%s: unterminated %c string", s, quote)
			}
			flags, s = append(flags, s[1:1+end]), s[end+2:]
			continue
		}
		end := strings.IndexAny(s, blanks)
		if end < 0 {
			end = len(s)
		}
		flags, s = append(flags, s[:end]), s[end:]
	}
	return flags, nil
}

// joinGOFLAGS is the inverse of splitGOFLAGS. It fails on a flag that the
// quoting rules cannot express: one with blanks and both kinds of quotes.
func joinGOFLAGS(flags []string) (string, error) {
	quoted := make([]string, len(flags))
	for i, flag := range flags {
		switch {
		case !strings.ContainsAny(flag, " \t\r\n"):
			quoted[i] = flag
		case !strings.Contains(flag, "'"):
			quoted[i] = "'" + flag + "'"
		case !strings.Contains(flag, `"`):
			quoted[i] = `"` + flag + `"`
		default:
			return "", fmt.Errorf("GOFLAGS cannot hold %s: blanks and both kinds of quotes; choose another -o", flag)
		}
	}
	return strings.Join(quoted, " "), nil
}

// flagValue reports whether arg is the flag -name or --name; whole is false when
// there is no "=", so that the value, if any, is the next argument.
func flagValue(arg, name string) (value string, whole, ok bool) {
	rest, ok := strings.CutPrefix(arg, "-")
	if !ok {
		return "", false, false
	}
	got, value, whole := strings.Cut(strings.TrimPrefix(rest, "-"), "=")
	return value, whole, got == name
}

// mergeTags adds or removes the overlay's tag in the value of a -tags flag. Go
// takes commas, and for old times' sake blanks and quotes.
func mergeTags(value string, with bool) string {
	tags := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t'\"", r) })
	tags = slices.DeleteFunc(tags, func(tag string) bool { return tag == overlayTag })
	if with {
		tags = append(tags, overlayTag)
	}
	return strings.Join(tags, ",")
}

// buildFlags returns the user's GOFLAGS with the overlay in file and its tag, or
// with neither. The last -tags wins in Go, so there is one -tags at the end that
// holds the user's and ours. An -overlay of the user's own is an error.
func buildFlags(flags []string, file string, with bool) ([]string, error) {
	var kept []string
	tags := ""
	for _, flag := range flags {
		if value, _, ok := flagValue(flag, "tags"); ok {
			tags = value
			continue
		}
		if value, _, ok := flagValue(flag, "overlay"); ok {
			// The wrapper may run inside itself: its own flag is replaced.
			if value != file {
				return nil, foreignOverlayError("GOFLAGS", value)
			}
			continue
		}
		kept = append(kept, flag)
	}
	if tags = mergeTags(tags, with); tags != "" {
		kept = append(kept, "-tags="+tags)
	}
	if with {
		kept = append(kept, "-overlay="+file)
	}
	return kept, nil
}

// A usageError is the user's to mend; going on without the overlay would hide it.
type usageError string

// Error implements error.
func (e usageError) Error() string { return string(e) }

func foreignOverlayError(where, file string) error {
	return usageError(fmt.Sprintf("%s already holds -overlay=%s, and go takes only one overlay: "+
		"drop it, or call go directly to build without the Draft00 groups", where, file))
}

// runBooleans are the flags of "go run" that take no value: behind any other
// flag without "=", the next argument is a value and not yet the program.
var runBooleans = []string{
	"a", "asan", "buildvcs", "cover", "json", "linkshared", "modcacherw", "msan",
	"n", "race", "trimpath", "v", "work", "x",
}

// commandArgs rewrites the arguments of a go command: a -tags there replaces
// that of GOFLAGS, so the overlay's tag is added to it (or removed without the
// overlay). Arguments of a program or test binary are left alone.
func commandArgs(args []string, with bool) ([]string, error) {
	out := slices.Clone(args)
	for i := 1; i < len(out); i++ {
		arg := out[i]
		if arg == "-args" || arg == "--args" || arg == "--" {
			break
		}
		if !strings.HasPrefix(arg, "-") {
			if out[0] == "run" {
				break
			}
			continue
		}
		if file, _, ok := flagValue(arg, "overlay"); ok {
			return nil, foreignOverlayError("the command", file)
		}
		value, whole, ok := flagValue(arg, "tags")
		switch {
		case ok && whole:
			out[i] = "-tags=" + mergeTags(value, with)
		case ok && i+1 < len(out):
			i++
			out[i] = mergeTags(out[i], with)
		case !strings.Contains(arg, "=") && out[0] == "run" && !slices.Contains(runBooleans, strings.TrimLeft(arg, "-")):
			i++
		}
	}
	return out, nil
}
