package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/tunnel/connector"
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
	HTTP2Origin          *bool          `yaml:"http2Origin"`
	ConnectTimeout       *time.Duration `yaml:"connectTimeout"`
	TLSTimeout           *time.Duration `yaml:"tlsTimeout"`
	TCPKeepAlive         *time.Duration `yaml:"tcpKeepAlive"` // 0 is none
	NoHappyEyeballs      *bool          `yaml:"noHappyEyeballs"`
	KeepAliveConnections *int           `yaml:"keepAliveConnections"`
	KeepAliveTimeout     *time.Duration `yaml:"keepAliveTimeout"`
}

// or is o with what it leaves open taken from the file's top level.
func (o OriginRequest) or(top OriginRequest) OriginRequest {
	to, from := reflect.ValueOf(&o).Elem(), reflect.ValueOf(top)
	for i := range to.NumField() {
		if to.Field(i).IsNil() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return o
}

func (o OriginRequest) forConnector() connector.OriginRequest {
	return connector.OriginRequest{
		HTTPHostHeader: value(o.HTTPHostHeader), OriginServerName: value(o.OriginServerName), CAPool: value(o.CAPool),
		NoTLSVerify: value(o.NoTLSVerify), HTTP2Origin: value(o.HTTP2Origin), ConnectTimeout: value(o.ConnectTimeout),
		TLSTimeout: value(o.TLSTimeout), TCPKeepAlive: orNone(o.TCPKeepAlive), NoHappyEyeballs: value(o.NoHappyEyeballs),
		KeepAliveConnections: value(o.KeepAliveConnections), KeepAliveTimeout: value(o.KeepAliveTimeout),
	}
}

// UnmarshalYAML remembers the line.
func (r *Rule) UnmarshalYAML(n *yaml.Node) error {
	type plain Rule
	err := n.Decode((*plain)(r))
	r.line = n.Line
	return err
}

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

// noRules is what requests get when nobody says where they go, as at cloudflared.
const noRules = "http_status:503"

// check asks the connector about the rule, but for the file of certificates, which need not be on this host.
func (r Rule) check() error {
	if err := r.OriginRequest.check(); err != nil {
		return err
	}
	rule, err := r.forConnector(OriginRequest{CAPool: new("")})
	if err != nil {
		return err
	}
	rule.OriginRequest.CAPool = ""
	rules := []connector.Rule{rule}
	if !r.all() {
		rules = append(rules, connector.Rule{Service: noRules})
	}
	if _, err := connector.NewIngress(rules); err != nil {
		return errors.Unwrap(err) // without the number there, and the service, which may have a password
	}
	return nil
}

func (r Rule) forConnector(top OriginRequest) (connector.Rule, error) {
	rule := connector.Rule{Hostname: r.Hostname, Service: strings.TrimSuffix(r.Service, "/"), OriginRequest: r.OriginRequest.or(top).forConnector()}
	if r.Path != "" {
		path, err := regexp.Compile(r.Path)
		if err != nil {
			return rule, fmt.Errorf("path %q is no regular expression", r.Path)
		}
		rule.Path = path
	}
	return rule, nil
}

// ingress makes the connector's rules: those of the file, or for every request the URL that was given apart from it.
func (f *File) ingress(url string) (*connector.Ingress, error) {
	rules := f.Ingress
	switch {
	case url != "":
		rules = []Rule{{Service: url}}
	case len(rules) == 0:
		rules = []Rule{{Service: noRules}}
	}
	all := make([]connector.Rule, len(rules))
	for i, r := range rules {
		var err error
		if all[i], err = r.forConnector(f.OriginRequest); err != nil {
			return nil, err
		}
	}
	return connector.NewIngress(all)
}

func (o OriginRequest) check() error {
	for _, c := range []struct {
		key string
		err error
	}{
		{"connectTimeout", between(o.ConnectTimeout, time.Millisecond, time.Hour)},
		{"keepAliveTimeout", between(o.KeepAliveTimeout, time.Millisecond, 24*time.Hour)},
		{"tlsTimeout", between(o.TLSTimeout, time.Millisecond, time.Hour)},
		{"tcpKeepAlive", between(o.TCPKeepAlive, 0, time.Hour)},
		{"keepAliveConnections", between(o.KeepAliveConnections, 1, 1<<20)},
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
