package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Rule of the ingress list sends requests to a service. The first rule that matches serves the request; the last
// matches every one.
type Rule struct {
	Hostname      string        `yaml:"hostname"` // "" and "*" are every host, "*.example.com" every one below
	Path          string        `yaml:"path"`     // regular expression, found anywhere in the path
	Service       string        `yaml:"service"`  // http or https URL, or http_status:NNN
	OriginRequest OriginRequest `yaml:"originRequest"`

	line int // in the file
}

// OriginRequest says how an origin is to be spoken to. A field that is nil is inherited from the file's top level.
type OriginRequest struct {
	HTTPHostHeader       *string        `yaml:"httpHostHeader"`
	OriginServerName     *string        `yaml:"originServerName"`
	CAPool               *string        `yaml:"caPool"` // PEM file
	NoTLSVerify          *bool          `yaml:"noTLSVerify"`
	ConnectTimeout       *time.Duration `yaml:"connectTimeout"`
	KeepAliveConnections *int           `yaml:"keepAliveConnections"`
	KeepAliveTimeout     *time.Duration `yaml:"keepAliveTimeout"`
}

// UnmarshalYAML remembers the line.
func (r *Rule) UnmarshalYAML(n *yaml.Node) error {
	type plain Rule
	err := n.Decode((*plain)(r))
	r.line = n.Line
	return err
}

// statusService is how a service that only answers with a status begins.
const statusService = "http_status:"

// all says that r matches every request.
func (r Rule) all() bool { return (r.Hostname == "" || r.Hostname == "*") && r.Path == "" }

// checkRules finds rules that cannot be meant; at is the line of the list.
func checkRules(rules []Rule, at int) error {
	for i, r := range rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("line %d: ingress rule %d: %w", r.line, i+1, err)
		}
		last := i == len(rules)-1
		if r.all() && !last {
			return fmt.Errorf("line %d: ingress rule %d matches every request, so the rules below it never apply; move it to the end", r.line, i+1)
		}
		if last && !r.all() {
			return fmt.Errorf("line %d: the last ingress rule must match every request: add one with a service alone, "+
				"such as http_status:404, after this", r.line)
		}
	}
	if rules != nil && len(rules) == 0 {
		return fmt.Errorf("line %d: the ingress list is empty; it needs at least a rule with a service alone", at)
	}
	return nil
}

func (r Rule) check() error {
	if i := strings.LastIndexByte(r.Hostname, '*'); i > 0 || i == 0 && r.Hostname != "*" && !strings.HasPrefix(r.Hostname, "*.") {
		return fmt.Errorf("hostname %q: a * may only stand alone or be the first label", r.Hostname)
	}
	if strings.ContainsAny(r.Hostname, ":/ ") {
		return fmt.Errorf("hostname %q: want a name without scheme, port and path", r.Hostname)
	}
	if _, err := regexp.Compile(r.Path); err != nil {
		return fmt.Errorf("path %q is no regular expression", r.Path)
	}
	if err := checkService(r.Service); err != nil {
		return err
	}
	return r.OriginRequest.check()
}

func checkService(s string) error {
	if s == "" {
		return errors.New("it has no service; give a URL or http_status:NNN")
	}
	if code, ok := strings.CutPrefix(s, statusService); ok {
		n, err := strconv.Atoi(code)
		if err != nil || n < 100 || n > 999 {
			return fmt.Errorf("service %q: want a status from 100 to 999", s)
		}
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("service %q: want http://host:port, https://host:port or http_status:NNN", withoutUser(s))
	}
	if u.Path != "" && u.Path != "/" {
		return fmt.Errorf("service %q: a service has no path; requests bring their own", withoutUser(s))
	}
	return nil
}

func (o OriginRequest) check() error {
	for _, c := range []struct {
		key string
		err error
	}{
		{"connectTimeout", between(o.ConnectTimeout, time.Millisecond, time.Hour)},
		{"keepAliveTimeout", between(o.KeepAliveTimeout, time.Millisecond, 24*time.Hour)},
		{"keepAliveConnections", between(o.KeepAliveConnections, 0, 1<<20)},
		{"httpHostHeader", checkHostHeader(o.HTTPHostHeader)},
	} {
		if c.err != nil {
			return &SettingError{c.key, c.err}
		}
	}
	return nil
}

// checkHostHeader keeps a second header from riding in with the first.
func checkHostHeader(host *string) error {
	if host == nil {
		return nil
	}
	if _, err := http.NewRequest(http.MethodGet, "http://"+*host+"/", nil); err != nil || strings.ContainsAny(*host, "/@ \r\n") {
		return fmt.Errorf("%q is no host", *host)
	}
	return nil
}
