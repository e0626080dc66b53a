// Kexagree shows that the kex experiment and `go test -bench` measure the same thing: it runs the two in turn, several
// times, on the same operations and KEM providers, and compares the fastest round of each: on a shared host all that
// disturbs a computation makes it slower, so that the fastest of many rounds is the steadiest figure there is.
//
// It needs bin/pqbench and a test binary of package kex, both built with the overlay; `make kex-agree` makes both.
// It exits 1 when an operation differs by more than the tolerance.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pqbench/results"
)

const plan = `name: kexagree
experiments:
  - run: kex
    groups: [X25519, X25519Kyber512Draft00, X25519Kyber768Draft00, X25519MLKEM768, SecP384r1MLKEM1024]
    providers: [go, circl-asm, circl-generic]
    blocks: 1
    time: 40ms
`

// benchmarks selects the same arms in package kex.
const benchmarks = `BenchmarkKex/group=(X25519|X25519Kyber512Draft00|X25519Kyber768Draft00|X25519MLKEM768|SecP384r1MLKEM1024)$`

func main() {
	program := flag.String("pqbench", "bin/pqbench", "the program")
	tests := flag.String("tests", "build/kex.test", "test binary of package kex")
	rounds := flag.Int("rounds", 25, "how often each of the two is run")
	tolerance := flag.Float64("tolerance", 0.05, "largest difference of the fastest rounds")
	flag.Parse()
	if err := run(*program, *tests, *rounds, *tolerance); err != nil {
		fmt.Fprintln(os.Stderr, "kexagree:", err)
		os.Exit(1)
	}
}

// times are ns per operation, by "group=…/kem=…/op=…".
type times map[string][]float64

func run(program, tests string, rounds int, tolerance float64) error {
	dir, err := os.MkdirTemp("", "kexagree")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ours, theirs := times{}, times{}
	for range rounds {
		if err := experiment(ours, program, dir); err != nil {
			return err
		}
		if err := goTest(theirs, tests); err != nil {
			return err
		}
	}
	return compare(ours, theirs, tolerance)
}

// experiment runs the kex experiment once.
func experiment(t times, program, dir string) error {
	file := filepath.Join(dir, "kexagree.yaml")
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		return err
	}
	runs := filepath.Join(dir, "runs")
	defer os.RemoveAll(runs)
	if out, err := exec.Command(program, "run", file, "--output", runs, "--quiet").CombinedOutput(); err != nil {
		return fmt.Errorf("%s run: %w\n%s", program, err, out)
	}
	found, err := filepath.Glob(filepath.Join(runs, "*", "manifest.json"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("want one run folder, found %d (%v)", len(found), err)
	}
	manifest, _, trials, err := results.Load(filepath.Dir(found[0]))
	if err != nil {
		return err
	}
	for _, trial := range trials {
		for op, ns := range trial.Values {
			a := manifest.Arms[trial.Arm].Arm
			a.Codepoint = "" // go test names the group; only one of the two codepoints is run
			name := a.String() + "/op=" + op
			t[name] = append(t[name], ns)
		}
	}
	return nil
}

// goTest runs the benchmarks once.
func goTest(t times, tests string) error {
	cmd := exec.Command(tests, "-test.run=^$", "-test.bench="+benchmarks, "-test.benchtime=40ms")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", tests, err)
	}
	return t.read(bytes.NewReader(out))
}

// read adds the lines of `go test -bench`.
func (t times) read(r io.Reader) error {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(fields[0], "BenchmarkKex/")
		if i := strings.LastIndexByte(name, '-'); i > 0 && !strings.ContainsAny(name[i:], "/=") {
			name = name[:i] // GOMAXPROCS
		}
		t[name] = append(t[name], ns)
	}
	return nil
}

// compare prints a line for each operation; it fails when one differs by more than the tolerance or has no counterpart.
func compare(ours, theirs times, tolerance float64) error {
	var names []string
	for name := range ours {
		names = append(names, name)
	}
	slices.Sort(names)
	wrong, compared := 0, 0
	fmt.Printf("%-62s %12s %12s %8s\n", "operation", "kex ns/op", "go test", "differ")
	for _, name := range names {
		if len(theirs[name]) == 0 {
			return fmt.Errorf("go test has no benchmark %s; it has %d others", name, len(theirs))
		}
		a, b := slices.Min(ours[name]), slices.Min(theirs[name])
		ratio := a/b - 1
		mark := ""
		if math.Abs(ratio) > tolerance {
			wrong++
			mark = " !"
		}
		compared++
		fmt.Printf("%-62s %12.0f %12.0f %+7.1f%%%s\n", name, a, b, 100*ratio, mark)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d operations differ by more than %.0f %%", wrong, compared, 100*tolerance)
	}
	if compared == 0 {
		return errors.New("nothing was compared")
	}
	fmt.Printf("all %d operations agree within %.0f %%\n", compared, 100*tolerance)
	return nil
}
