package connector

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// A Rule sends the requests that it matches to a service, as an entry of cloudflared's ingress list does.
type Rule struct {
	// Hostname is matched against the Host field without its port: exactly, or from the second label on at any depth
	// when it begins with "*.". Empty and "*" match every host. International names may be given in Unicode.
	Hostname string
	// Path is searched for in the URL's decoded path, not anchored; nil matches every path.
	Path *regexp.Regexp
	// Service is an http, https, ws or wss URL without a path, "unix:/path", "unix+tls:/path", or "http_status:NNN".
	Service string
	// OriginRequest says how the service is spoken to.
	OriginRequest OriginRequest
}

// An Ingress is a checked list of rules. It may serve several connectors, which then share its connections.
type Ingress struct{ routes []route }

// route is a rule made ready.
type route struct {
	names   []string // in lower case, the one given and its ASCII form; a leading dot matches a suffix; none: any host
	path    *regexp.Regexp
	service *service
}

// What is wrong with a rule. The semantics are cloudflared's (ingress package, tag 2026.8.2).
var (
	errNoRules      = errors.New("ingress has no rules: give it at least a catch-all")
	errLastCatchAll = errors.New("the last rule must match every request: leave out its hostname and path")
	errShadowed     = errors.New("it matches every request, so the rules behind it never would: move it to the end")
	errHostPort     = errors.New("hostname has a port: a rule is for all ports")
	errWildcard     = errors.New(`hostname has a wildcard that is not its first label, as in "*.example.com"`)
)

// NewIngress checks the rules and makes their services ready. The first rule that matches a request serves it; the
// last one, and no other, must match all. CA pools are read here. The error names the rule by its number, from 1.
func NewIngress(rules []Rule) (*Ingress, error) {
	if len(rules) == 0 {
		return nil, errNoRules
	}
	in := &Ingress{routes: make([]route, len(rules))}
	for i, r := range rules {
		var err error
		if in.routes[i], err = newRoute(r, i == len(rules)-1); err != nil {
			return nil, fmt.Errorf("ingress rule %d (%s): %w", i+1, r.Service, err)
		}
	}
	return in, nil
}

func newRoute(r Rule, last bool) (route, error) {
	any := r.Hostname == "" || r.Hostname == "*"
	switch catchAll := any && r.Path == nil; {
	case last && !catchAll:
		return route{}, errLastCatchAll
	case !last && catchAll:
		return route{}, errShadowed
	}
	out := route{path: r.Path}
	if !any {
		names, err := hostNames(r.Hostname)
		if err != nil {
			return route{}, err
		}
		out.names = names
	}
	var err error
	out.service, err = newService(r.Service, r.OriginRequest)
	return out, err
}

// hostNames are the spellings under which a rule's hostname is asked for.
func hostNames(hostname string) ([]string, error) {
	if _, _, err := net.SplitHostPort(hostname); err == nil {
		return nil, errHostPort
	}
	name, prefix := strings.ToLower(hostname), ""
	if base, ok := strings.CutPrefix(name, "*."); ok {
		name, prefix = base, "."
	}
	if name == "" || strings.Contains(name, "*") {
		return nil, errWildcard
	}
	names := []string{prefix + name}
	// A name that has no ASCII form, such as one with an underscore, is matched as it is.
	if ascii, err := idna.Lookup.ToASCII(name); err == nil && ascii != name {
		names = append(names, prefix+ascii)
	}
	return names, nil
}

// find returns the service of the first rule that matches. A list without a catch-all cannot be made.
func (in *Ingress) find(host, path string) *service {
	last := len(in.routes) - 1
	if last > 0 {
		host = hostname(host)
	}
	for i := range in.routes[:last] {
		if in.routes[i].matches(host, path) {
			return in.routes[i].service
		}
	}
	return in.routes[last].service
}

// hostname is a Host field without its port and in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

func (r *route) matches(host, path string) bool {
	return r.matchesHost(host) && (r.path == nil || r.path.MatchString(path))
}

func (r *route) matchesHost(host string) bool {
	for _, name := range r.names {
		if name == host || name[0] == '.' && strings.HasSuffix(host, name) {
			return true
		}
	}
	return len(r.names) == 0
}

// closeIdle closes the connections that no request uses.
func (in *Ingress) closeIdle() {
	for _, r := range in.routes {
		r.service.closeIdle()
	}
}

// single is the list that sends everything to one origin, whose path, if any, stands before the requests'.
func single(origin *url.URL) (*Ingress, error) {
	s, err := newURLService(origin, OriginRequest{})
	if err != nil {
		return nil, err
	}
	s.prefix = origin
	return &Ingress{routes: []route{{service: s}}}, nil
}
