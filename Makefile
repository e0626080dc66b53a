# The build needs Go, git and make. `make bench` runs the main job, `make test` the tests; `make check` is what CI runs.

PLAN   ?= standard
# How long each fuzz target runs, in `make fuzz` and in `make check`: there a number of inputs, because go test may
# report a time limit that ends in the middle of an input as a failure.
FUZZTIME ?= 60s
CHECKFUZZTIME ?= 10000x

# Every go command that builds goes through the overlay generator: it patches a copy of the installed crypto/tls to
# speak the Draft00 groups, or says why it cannot and builds without them.
GO := go run ./scripts/overlay -o build/overlay exec --

REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),+dirty)
LDFLAGS := -X pqbench/bench.Revision=$(REVISION)

# The race detector needs cgo and a C compiler.
RACE := $(if $(and $(filter 1,$(shell go env CGO_ENABLED)),$(shell command -v $(firstword $(shell go env CC)) 2>/dev/null)),-race)

.PHONY: soak bench capacity lab lab-speed load-speed exact gate regress build test check vet format fuzz smoke plain kex-agree clean

bench: build
	bin/pqbench run $(PLAN)

# lab runs the standard lab: every group, path and middlebox, in virtual time.
lab: build
	bin/pqbench lab

# capacity measures unit costs and says what so many tunnels need; TUNNELS and TARGET (further flags) say what is asked for.
TUNNELS ?= 100000
TARGET  ?=
capacity: build
	bin/pqbench capacity --tunnels $(TUNNELS) $(TARGET)

# lab-speed prints how fast the lab is, against bare handshakes in virtual time.
lab-speed:
	PQBENCH_LAB_SPEED=1 GOMAXPROCS=1 $(GO) test ./bench/lab -run '^TestSpeed$$' -v -count=1

# load-speed prints how many handshakes the generator makes, against a bare quic-go dial loop over the same processes.
load-speed: build
	bin/pqbench run load-speed

# regress compares a revision with the working tree, interleaved: make regress BASE=origin/main
BASE ?= origin/main
regress: build
	bin/pqbench compare $(BASE) .

build:
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/pqbench ./bench/cmd/pqbench

test:
	$(if $(RACE),,@echo 'no C compiler (or CGO_ENABLED=0): running the tests without the race detector')
	$(if $(CI),$(if $(RACE),,@echo 'CI requires the race detector: install a C compiler'; exit 1))
	$(GO) test $(RACE) ./...

# exact tests what the lab promises to be the same in every run. The race detector shuffles goroutines on purpose, so it is
# done without.
exact:
	$(GO) test ./bench/lab ./bench/gate -run 'Same|Conditions' -count=1
	$(GO) test ./bench/cmd/pqbench -run '^TestScripts$$/^gate$$' -count=1

# gate holds what a handshake costs (datagrams, bytes, virtual time, allocations) against results/baseline. Any difference
# fails; where it is meant, bin/pqbench gate --accept "reason".
gate: build
	bin/pqbench gate

# check is everything that must hold before a change lands. The tests come first.
check: test exact vet format plain build gate smoke
	$(MAKE) fuzz FUZZTIME=$(CHECKFUZZTIME)

vet:
	$(GO) vet ./...

format:
	@unformatted=$$(git ls-files "*.go" | xargs gofmt -l); test -z "$$unformatted" || { echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; }
	go mod tidy -diff
	go mod verify

# plain checks that everything compiles and vets without the overlay, as in an editor, and says what such a build lacks.
plain:
	go vet ./...
	go build -o build/plain ./bench/cmd/pqbench
	build/plain groups | grep -q 'this build lacks'

# smoke runs every experiment once, as small as can be, and asserts the accounting; never speed.
smoke: build
	bin/pqbench run smoke -o build/smoke >build/smoke.txt
	bin/pqbench lab lab-quick -o build/smoke >>build/smoke.txt
	bin/pqbench groups

# soak lets tunnels come and go for half an hour (SOAK=5m for a short one): nothing may grow at either end.
SOAK ?= 30m
soak: build
	bin/pqbench soak -d $(SOAK)

# fuzz runs every fuzz target for FUZZTIME.
fuzz:
	@set -e; for target in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for name in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$target/*_test.go | sed 's/func //'); do \
			echo "fuzz $$target $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$target; \
		done; \
	done

# kex-agree shows that the kex experiment and `go test -bench` measure the same thing, run in turn.
kex-agree: build
	$(GO) test -c -o build/kex.test ./kex
	go run ./scripts/kexagree

clean:
	rm -rf bin build
