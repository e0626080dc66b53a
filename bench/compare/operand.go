package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pqbench/results"
)

// An Operand is what is compared: exactly one of Revision, Tree, Program and Run is set.
type Operand struct {
	Name     string // as it was given
	Revision string // a commit, in full
	Tree     bool   // the working tree
	Dirty    bool   // the working tree has changes that no commit holds
	Program  string // an executable
	Run      string // a run folder
}

// String is the operand for a reader: its name, and what it stands for.
func (o Operand) String() string {
	switch {
	case o.Tree && o.Dirty:
		return fmt.Sprintf("%s (working tree at %.12s, with changes that are not committed)", o.Name, o.Revision)
	case o.Tree:
		return fmt.Sprintf("%s (working tree at %.12s)", o.Name, o.Revision)
	case o.Revision != "" && !strings.HasPrefix(o.Revision, o.Name):
		return fmt.Sprintf("%s (%.12s)", o.Name, o.Revision)
	}
	return o.Name
}

// ParseOperand finds out what a name means: "." or "worktree" is the working tree, a folder with a manifest a run, another
// file a binary, and everything else a revision of the repository that the command is called in. A name that is both a
// file and a revision is the file; write refs/heads/NAME for the other.
func ParseOperand(ctx context.Context, name string) (Operand, error) {
	if name == "." || name == "worktree" {
		return workingTree(ctx, name)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		if _, err := os.Stat(filepath.Join(name, results.ManifestFile)); err != nil {
			return Operand{}, fmt.Errorf("%s is a folder, but no run folder: it has no %s", name, results.ManifestFile)
		}
		return Operand{Name: name, Run: name}, nil
	case err == nil && info.Mode()&0o111 == 0:
		return Operand{}, fmt.Errorf("%s is a file that cannot be executed: name a pqbench binary, a run folder or a git revision", name)
	case err == nil:
		path, err := filepath.Abs(name)
		return Operand{Name: name, Program: path}, err
	}
	commit, err := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return Operand{}, unknownRevision(ctx, name)
	}
	return Operand{Name: name, Revision: commit}, nil
}

// unknownRevision says what is the matter with a name that is nothing.
func unknownRevision(ctx context.Context, name string) error {
	if _, err := git(ctx, "rev-parse", "--git-dir"); err != nil {
		return fmt.Errorf("%q is no file, and there is no git repository here that could know it as a revision", name)
	}
	shallow := ""
	if out, err := git(ctx, "rev-parse", "--is-shallow-repository"); err == nil && out == "true" {
		shallow = " (this clone is shallow: fetch more history, with fetch-depth: 0 in a workflow)"
	}
	return fmt.Errorf("%q is no binary, no run folder and no git revision%s", name, shallow)
}

func workingTree(ctx context.Context, name string) (Operand, error) {
	commit, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return Operand{}, fmt.Errorf("%q is the working tree of a git repository, and here is none: %w", name, err)
	}
	changes, err := git(ctx, "status", "--porcelain")
	return Operand{Name: name, Tree: true, Revision: commit, Dirty: changes != ""}, err
}

// git runs git and returns what it prints.
func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return "", gitError(args, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func gitError(args []string, err error) error {
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
		return fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(failed.Stderr)))
	}
	return fmt.Errorf("git %s: %w", args[0], err)
}
