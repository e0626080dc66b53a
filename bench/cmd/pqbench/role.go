package main

import (
	"pqbench/bench/role"
	"pqbench/kex"
)

type roleCommand struct {
	Kind     string `arg:""`
	Provider string `arg:""`
}

func (c *roleCommand) Run() error {
	p, err := kex.ParseProvider(c.Provider)
	if err != nil {
		return badArguments{err}
	}
	return role.Serve(role.Kind(c.Kind), p)
}
