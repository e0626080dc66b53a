package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
)

// A State is the folder in which an edge keeps what must outlive it: who it is, and which tunnels it knows. It is its
// owner's alone to read.
//
//	ca-KIND/root.pem    what connectors and eyeballs trust
//	ca-KIND/leaf.pem    what the edge presents, with its key
//	tunnels/ID.json     a tunnel's credentials file; removing it revokes the tunnel
//	routes.json         host names that lead to tunnels
type State struct{ dir string }

// OpenState makes the folder unless it is there.
func OpenState(dir string) (State, error) {
	s := State{dir}
	if err := os.MkdirAll(s.tunnels(), 0o700); err != nil {
		return s, fmt.Errorf("state folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return s, fmt.Errorf("state folder: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return s, fmt.Errorf("state folder %s holds secrets but is open to others (mode %#o); run: chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return s, nil
}

// DefaultState is where an edge keeps its state unless told otherwise (XDG base directories).
func DefaultState() string {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "pqbench-edge"
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "pqbench", "edge")
}

func (s State) tunnels() string { return filepath.Join(s.dir, "tunnels") }

func (s State) tunnel(id uuid.UUID) string { return filepath.Join(s.tunnels(), id.String()+".json") }

// CA is the authority of a kind, made at the first call.
func (s State) CA(kind string) (*ca.CA, error) {
	return s.authority("ca-"+kind, func() (*ca.CA, error) { return ca.New(kind) })
}

// Files of an authority's folder.
const (
	rootFile = "root.pem"
	leafFile = "leaf.pem"
)

func (s State) authority(name string, create func() (*ca.CA, error)) (*ca.CA, error) {
	dir := filepath.Join(s.dir, name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		authority, err := create()
		if err != nil {
			return nil, err
		}
		if err := s.saveAuthority(dir, authority); err != nil {
			return nil, err
		}
	}
	leaf, err := os.ReadFile(filepath.Join(dir, leafFile))
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	root, err := os.ReadFile(filepath.Join(dir, rootFile))
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	authority, err := ca.Load(leaf, root)
	if err != nil {
		return nil, fmt.Errorf("state %s: %w", dir, err)
	}
	if end := authority.Leaf().Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("the certificate in %s expired on %s; remove the folder, issue again, and give connectors the new ca.pem",
			dir, end.Format(time.DateOnly))
	}
	return authority, nil
}

// saveAuthority makes the folder in one step. Of two processes at it the first one wins, and both go on with that.
func (s State) saveAuthority(dir string, authority *ca.CA) error {
	leaf, root, err := authority.PEM()
	if err != nil {
		return err
	}
	made, err := os.MkdirTemp(s.dir, ".ca-*") // mode 0700
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	defer os.RemoveAll(made)
	if err := errors.Join(os.WriteFile(filepath.Join(made, leafFile), leaf, 0o600),
		os.WriteFile(filepath.Join(made, rootFile), root, 0o644)); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := os.Rename(made, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// Authorize finds a tunnel's secret, for edge.Config. It reads the file each time: a tunnel issued or revoked while the
// edge runs counts at once, and nothing is kept that could grow.
func (s State) Authorize(account string, id uuid.UUID) ([]byte, bool) {
	c, err := tunnel.ReadCredentials(s.tunnel(id))
	if err != nil || c.TunnelID != id || c.AccountTag != account {
		return nil, false
	}
	return c.TunnelSecret, true
}

// Routes are the host names that lead to tunnels.
func (s State) Routes() (map[string]uuid.UUID, error) {
	text, err := os.ReadFile(s.routes())
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]uuid.UUID{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	var routes map[string]uuid.UUID
	if err := json.Unmarshal(text, &routes); err != nil || routes == nil {
		return nil, fmt.Errorf("%s is not an object of host names and tunnel ids", s.routes())
	}
	return routes, nil
}

func (s State) routes() string { return filepath.Join(s.dir, "routes.json") }

// addRoutes leads host names to a tunnel, from wherever they led before.
func (s State) addRoutes(hosts []string, id uuid.UUID) error {
	if len(hosts) == 0 {
		return nil
	}
	routes, err := s.Routes()
	if err != nil {
		return err
	}
	for _, h := range hosts {
		routes[strings.ToLower(h)] = id
	}
	text, err := json.MarshalIndent(routes, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(s.routes(), append(text, '\n'), 0o600)
}

// replaceFile writes a file in one step.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
