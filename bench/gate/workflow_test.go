package gate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const workflows = "../../.github/workflows"

type workflow struct {
	On          map[string]any    `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Env         map[string]string `yaml:"env"`
	Jobs        map[string]struct {
		If          string            `yaml:"if"`
		Permissions map[string]string `yaml:"permissions"`
		Steps       []struct {
			Uses string `yaml:"uses"`
			Run  string `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// A workflow that a fork's pull request starts must be safe there, and do the same: no secrets, no write access, no event that runs
// with the base's rights, and actions that nobody can move.
func TestWorkflowsAreSafeInForks(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(workflows, "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var w workflow
		require.NoError(t, yaml.Unmarshal(text, &w), file)
		assert.NotContains(t, string(text), "secrets.", file)
		assert.NotContains(t, w.On, "pull_request_target", file)
		assert.NotContains(t, w.On, "workflow_run", file)
		assert.Equal(t, map[string]string{"contents": "read"}, w.Permissions, file)
		for name, job := range w.Jobs {
			if job.Permissions != nil {
				assert.Equal(t, "github.event_name == 'push'", job.If, "job %s has more rights: a pull request must not start it", name)
			}
			for _, step := range job.Steps {
				if step.Uses != "" {
					assert.Regexp(t, pinned, step.Uses, "job %s: pin the action to a commit", name)
				}
				assert.NotContains(t, step.Run, "${{", "job %s: text from an event in a script may run as one", name)
			}
		}
	}
}

// The gate of the workflow can fail: there are numbers of the Go version that it runs with.
func TestTheWorkflowsGoHasABaseline(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(workflows, "regression.yml"))
	require.NoError(t, err)
	var w workflow
	require.NoError(t, yaml.Unmarshal(text, &w))
	names, err := os.ReadDir("../../results/baseline")
	require.NoError(t, err)
	version := "go" + w.Env["GO_VERSION"] + "_"
	found := false
	for _, n := range names {
		found = found || strings.HasPrefix(n.Name(), version)
	}
	assert.True(t, found, "no baseline of %s: the gate would find everything new", version)
}

// Every committed baseline is as it was accepted, and named by its key.
func TestCommittedBaselinesAreWhole(t *testing.T) {
	files, err := filepath.Glob("../../results/baseline/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		b, err := read(file)
		require.NoError(t, err)
		assert.Equal(t, b.Key.File(), filepath.Base(file))
		assert.NotEmpty(t, b.History)
		assert.NotEmpty(t, b.Values)
	}
}
