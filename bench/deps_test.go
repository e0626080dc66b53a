package bench

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayImport is the positive list: which packages of this module each package may import, tests included. "pqbench/x/..."
// stands for everything below. A new package needs a line here, with a reason in bench/doc.go's terms: load cannot
// peek into the tunnel, the tunnel cannot be shaped by how it is measured, statistics know numbers alone.
var mayImport = map[string][]string{
	"kex":                          nil,
	"origin":                       nil,
	"results":                      nil,
	"results/stats":                nil,
	"results/report":               {"results", "results/history", "results/stats"},
	"results/export":               {"results"},
	"results/history":              {"results", "results/export", "results/stats"},
	"wire":                         {"kex"},
	"tunnel":                       nil,
	"tunnel/ca":                    nil,
	"tunnel/internal/field":        nil,
	"tunnel/internal/duplex":       nil,
	"tunnel/internal/http1":        {"tunnel/internal/field"},
	"tunnel/internal/registration": {"tunnel", "tunnel/internal/..."},
	"tunnel/internal/wire":         {"tunnel", "tunnel/internal/..."},
	"tunnel/internal/endtoend":     {"kex", "origin", "tunnel", "tunnel/..."},             // tests of both ends together
	"tunnel/edge":                  {"kex", "tunnel", "tunnel/ca", "tunnel/internal/..."}, // ca in tests alone
	"tunnel/connector":             {"kex", "tunnel", "tunnel/internal/..."},
	"tunnel/cloudflared":           {"kex", "origin", "tunnel", "tunnel/ca", "tunnel/edge"}, // the edge and origin in its tests
	"daemon":                       {"daemon/...", "kex", "origin", "tunnel", "tunnel/..."}, // programs of their own: never what measures
	"daemon/metrics":               {"kex", "tunnel", "tunnel/..."},
	"loadgen":                      {"kex", "results"},
	"loadgen/fleet":                {"tunnel", "tunnel/connector", "loadgen", "kex", "results"},
	"bench":                        {"..."},
	"bench/knee":                   nil,
	"bench/capacity":               {"bench", "bench/capacity/storm", "bench/lab/link", "kex", "results", "results/report", "results/stats", "tunnel", "tunnel/connector", "tunnel/edge"},
	"bench/capacity/storm":         {"loadgen", "loadgen/fleet", "tunnel", "tunnel/ca", "tunnel/connector", "tunnel/edge"}, // the laws of tunnel and connector; the others in its tests alone
	"bench/lab/link":               {"kex", "wire", "tunnel", "tunnel/ca", "tunnel/edge", "tunnel/connector"},              // the tunnel in its tests alone
	"bench/lab":                    {"bench", "bench/lab/link", "kex", "loadgen", "origin", "results", "results/stats", "tunnel", "tunnel/ca", "tunnel/connector", "tunnel/edge", "wire"},
	"bench/gate":                   {"bench", "bench/lab", "kex", "results", "results/export"}, // the tables in its tests alone
	"bench/compare":                {"bench", "bench/role", "kex", "loadgen", "results", "results/report", "results/stats", "tunnel", "tunnel/ca", "wire"},
	"bench/role":                   {"kex", "origin", "loadgen", "loadgen/fleet", "results", "tunnel", "tunnel/ca", "tunnel/edge", "tunnel/connector", "wire"},
	"bench/cmd/pqbench":            {"bench", "bench/...", "daemon", "kex", "results", "results/export", "results/history", "results/report", "results/stats", "tunnel/ca", "tunnel/cloudflared"}, // ca in tests alone
	"scripts/kexagree":             {"results"},
	"scripts/overlay":              nil,
	"scripts/overlay/selftest":     nil,
}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImports(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "pqbench/")
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("package %s has no rule in mayImport: say what it may import", name)
			continue
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			ours, ok := strings.CutPrefix(imported, "pqbench/")
			if ok && ours != name && !matches(ours, allowed) {
				t.Errorf("package %s imports %s, which its rule forbids (it may import %v)", name, ours, allowed)
			}
		}
	}
	for name := range mayImport {
		if !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == "pqbench/"+name }) {
			t.Errorf("mayImport has a rule for %s, which is gone", name)
		}
	}
}

func matches(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		below, ok := strings.CutSuffix(p, "...")
		return name == p || ok && strings.HasPrefix(name, below)
	})
}

func list(t *testing.T) (packages []listed) {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags=pqbench_overlay", "-json=ImportPath,Imports,TestImports,XTestImports", "pqbench/...").Output()
	require.NoError(t, err)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
	require.NotEmpty(t, packages)
	return packages
}
