package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// A loadMode is what a load command does: each has flags that mean nothing to the others.
type loadMode string

// The modes, in the words of their flags.
const (
	modeRate    loadMode = "--rate"
	modePhases  loadMode = "--phases"
	modeTrace   loadMode = "--arrivals trace=FILE"
	modeClosed  loadMode = "--closed-loop"
	modeKnee    loadMode = "--knee"
	modeFleet   loadMode = "--tunnels"
	modeStorm   loadMode = "--tunnels with --outage"
	modeTarget  loadMode = "--target"
	modeRequest loadMode = "--requests"
)

// modes are those that hold of the command: one of the schedule, and whether it drives requests or aims at a target.
func (c *loadCommand) modes() []loadMode {
	schedule := modeRate
	switch {
	case len(c.Tunnels) > 0 && c.Outage != 0:
		schedule = modeStorm
	case len(c.Tunnels) > 0:
		schedule = modeFleet
	case c.Knee:
		schedule = modeKnee
	case c.ClosedLoop:
		schedule = modeClosed
	case strings.HasPrefix(c.Arrivals, "trace"):
		schedule = modeTrace
	case len(c.Phases) > 0:
		schedule = modePhases
	}
	modes := []loadMode{schedule}
	if c.Target != "" {
		modes = append(modes, modeTarget)
	}
	if c.Requests {
		modes = append(modes, modeRequest)
	}
	return modes
}

// meant are the modes in which a flag means something; one that is not here does in all.
var meant = map[string][]loadMode{
	"rate":               {modeRate, modeKnee, modeStorm},
	"duration":           {modeRate, modeClosed, modeKnee, modeFleet},
	"arrivals":           {modeRate, modePhases, modeTrace, modeKnee},
	"steps":              {modeRate},
	"warmup":             {modeRate, modePhases, modeKnee},
	"phases":             {modePhases},
	"connections":        {modeClosed},
	"in-flight":          {modeRate, modePhases, modeTrace, modeKnee},
	"procs":              {modeRate, modePhases, modeTrace, modeKnee, modeClosed},
	"edge-cores":         {modeRate, modePhases, modeTrace, modeKnee, modeClosed},
	"open-loop":          {modeRate, modePhases, modeTrace},
	"body":               {modeRequest},
	"alpn":               {modeTarget},
	"sni":                {modeTarget},
	"insecure":           {modeTarget},
	"ca":                 {modeTarget},
	"timeout":            {modeRate, modePhases, modeTrace, modeKnee, modeClosed, modeFleet},
	"conns":              {modeFleet, modeStorm, modeRequest},
	"keepalive":          {modeFleet, modeStorm},
	"idle":               {modeFleet, modeStorm},
	"timers":             {modeFleet, modeStorm},
	"sockets":            {modeFleet, modeStorm},
	"post-quantum-share": {modeFleet, modeStorm},
	"outage":             {modeStorm},
	"colo":               {modeStorm},
	"ending":             {modeStorm},
	"admission":          {modeStorm},
	"recover-timeout":    {modeStorm},
	"beside":             {modeStorm},
}

// AfterApply keeps which flags were given, for checkMeant: those that only have their defaults, or come from the
// environment, are meant for whom they concern.
func (c *loadCommand) AfterApply(k *kong.Context) error {
	for _, p := range k.Path {
		if p.Flag != nil {
			c.given = append(c.given, p.Flag.Name)
		}
	}
	return nil
}

// checkMeant refuses flags that would change nothing: whoever gives one means something by it.
func (c *loadCommand) checkMeant() error {
	modes := c.modes()
	for _, flag := range c.given {
		of, limited := meant[flag]
		if limited && !slices.ContainsFunc(of, func(m loadMode) bool { return slices.Contains(modes, m) }) {
			names := make([]string, len(of))
			for i, m := range of {
				names[i] = string(m)
			}
			return fmt.Errorf("--%s changes nothing with %s: it is about %s", flag, modes[0], strings.Join(names, ", "))
		}
	}
	if c.Steps != 0 && slices.Contains(c.given, "steps") && c.Arrivals != "staircase" {
		return fmt.Errorf("--steps changes nothing with --arrivals %s: it is about a staircase", c.Arrivals)
	}
	return nil
}
