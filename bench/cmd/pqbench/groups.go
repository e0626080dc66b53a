package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"pqbench/kex"
)

type groupsCommand struct{}

// Help is printed below the flags.
func (groupsCommand) Help() string {
	return `Example:
  pqbench groups`
}

// Run prints one line for each group, and below what is missing and how to get it.
func (groupsCommand) Run(o out) error {
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "group\tcodepoint\tclient share B\tserver share B\tsecret B\tKEM\tproviders\tin TLS with")
	missing := map[string]bool{}
	var why []string
	for _, g := range kex.Groups() {
		var in []string
		for _, p := range providersOrNone(g) {
			err := g.InTLS(p)
			if err == nil {
				in = append(in, string(p))
			} else if !missing[err.Error()] {
				missing[err.Error()] = true
				why = append(why, err.Error())
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", g.Name, g.Codepoint(), g.ClientShare, g.ServerShare, g.Secret,
			orDash(g.KEM), orDash(join(g.Providers())), inTLS(g, in))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(o.stdout)
	for _, p := range kex.Providers() {
		fmt.Fprintf(o.stdout, "%s: %s\n", p, kex.ProviderNote(p))
	}
	for _, line := range why {
		fmt.Fprintf(o.stdout, "this build lacks: %s\n", line)
	}
	return nil
}

func providersOrNone(g kex.Group) []kex.Provider {
	if g.Hybrid() {
		return g.Providers()
	}
	return []kex.Provider{kex.Go}
}

func inTLS(g kex.Group, providers []string) string {
	switch {
	case len(providers) == 0:
		return "not in this build"
	case !g.Hybrid():
		return "yes"
	}
	return strings.Join(providers, " ")
}

func join(providers []kex.Provider) string {
	var names []string
	for _, p := range providers {
		names = append(names, string(p))
	}
	return strings.Join(names, " ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
