package main

import _ "embed"

// A layout is how the hook fits into one shape of crypto/tls. It is chosen by
// its anchors and not by Go's version: a release that moves nothing needs no
// layout of its own.
type layout struct {
	name  string // first Go release of this shape
	edits []edit
	glue  string // the part of the hook that knows Go's hybridKeyExchange
}

// The hook itself. These are not .go files here, since they compile only in
// crypto/tls.
var (
	//go:embed pqbench.go.txt
	hookSource string
	//go:embed pqbench_go126.go.txt
	glueGo126 string
	//go:embed pqbench_go127.go.txt
	glueGo127 string
)

// layouts are the known shapes, newest first.
//
// Note: the functions that list Go's groups (defaultCurvePreferences in 1.26,
// curvePreferenceOrder in 1.27) stay as they are. They do not see the Config;
// their callers do, and "only where named" is decided there.
var layouts = []layout{
	{name: "go1.27", glue: glueGo127, edits: append(lookups(),
		edit{
			file:      "common.go",
			recv:      "*Config",
			name:      "curvePreferences",
			signature: "func(version uint16) []CurveID",
			call:      "curvePreferenceOrder",
			text:      "pqbenchCurvePreferences(c, curvePreferenceOrder())",
		},
		edit{
			file:      "common.go",
			recv:      "*Config",
			name:      "supportsCurve",
			signature: "func(version uint16, x CurveID) bool",
			call:      "curvePreferenceOrder",
			text:      "pqbenchCurvePreferences(c, curvePreferenceOrder())",
		},
	)},
	{name: "go1.26", glue: glueGo126, edits: append(lookups(),
		edit{
			file:      "common.go",
			recv:      "*Config",
			name:      "curvePreferences",
			signature: "func(version uint16) []CurveID",
			call:      "defaultCurvePreferences",
			text:      "pqbenchCurvePreferences(c, defaultCurvePreferences())",
		},
	)},
}

// lookups are the edits by which crypto/tls asks the registry about one group.
func lookups() []edit {
	return []edit{
		{
			file:      "key_schedule.go",
			name:      "keyExchangeForCurveID",
			signature: "func(id CurveID) (keyExchange, error)",
			text:      " if ke := pqbenchKeyExchange(id); ke != nil { return ke, nil };",
		},
		{
			file:      "common.go",
			name:      "isTLS13OnlyKeyExchange",
			signature: "func(curve CurveID) bool",
			text:      " if pqbenchKeyExchange(curve) != nil { return true };",
		},
		{
			file:      "common.go",
			name:      "isPQKeyExchange",
			signature: "func(curve CurveID) bool",
			text:      " if pqbenchKeyExchange(curve) != nil { return true };",
		},
	}
}
