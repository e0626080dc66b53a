package lab

import (
	"os"
	"testing"

	"pqbench/kex"
)

// TestMain also is the worker of the tests that start one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "lab-worker" {
		if err := kex.Fix(kex.Go); err != nil {
			panic(err)
		}
		serveWith(sick{&setting{}})
		return
	}
	os.Exit(m.Run())
}

// sick makes trials as a setting does, but for two numbers: at one the test fails, at the other the bubble can never end.
type sick struct{ *setting }

const failing, deadlocked = 2, 5

func (s sick) run(t *testing.T, job Job, number uint64) []Result {
	switch number {
	case failing:
		t.Fatal("cannot make this trial")
	case deadlocked:
		go func() { <-make(chan int) }()
	}
	return s.setting.run(t, job, number)
}
