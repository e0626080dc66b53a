package connector

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// rules is a list that must be taken.
func rules(t *testing.T, list ...Rule) *Ingress {
	t.Helper()
	in, err := NewIngress(list)
	require.NoError(t, err)
	return in
}

func TestFirstMatchingRuleServes(t *testing.T) {
	in := rules(t,
		Rule{Hostname: "a.example", Path: regexp.MustCompile(`\.(jpg|png)$`), Service: "http_status:201"},
		Rule{Hostname: "A.example", Service: "http_status:202"},
		Rule{Hostname: "*.example", Path: regexp.MustCompile("^/deep"), Service: "http_status:203"},
		Rule{Hostname: "*.wild.example", Service: "http_status:204"},
		Rule{Hostname: "bücher.example", Service: "http_status:205"},
		Rule{Hostname: "under_score.example", Service: "http_status:206"},
		Rule{Path: regexp.MustCompile("any"), Service: "http_status:207"},
		Rule{Hostname: "*", Service: "http_status:404"},
	)
	tests := []struct {
		host, path string
		want       int
	}{
		{"a.example", "/x.jpg", 201},
		{"a.example", "/x.jpg/y", 202},
		{"a.example:8080", "/", 202},
		{"A.EXAMPLE", "/", 202},
		{"b.a.example", "/", 404},
		{"b.example", "/deeper", 203},
		{"example", "/deep", 404},
		{"notexample", "/deep", 404},
		{"x.wild.example", "/", 204},
		{"y.x.wild.example", "/", 204},
		{"wild.example", "/", 404},
		{"evilwild.example", "/", 404},
		{"xn--bcher-kva.example", "/", 205},
		{"under_score.example", "/", 206},
		{"else", "/many", 207},
		{"[::1]:80", "/", 404},
		{"", "", 404},
	}
	for _, test := range tests {
		require.Equal(t, test.want, in.find(test.host, test.path).status, "%s%s", test.host, test.path)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	last := Rule{Service: "http_status:404"}
	tests := map[string]struct {
		rules []Rule
		want  string
	}{
		"none":               {nil, "ingress has no rules"},
		"no catch-all":       {[]Rule{{Hostname: "a", Service: "http://o"}}, "ingress rule 1 (http://o): the last rule must match every request"},
		"last has a path":    {[]Rule{{Path: regexp.MustCompile("a"), Service: "http://o"}}, "the last rule must match"},
		"catch-all too soon": {[]Rule{{Service: "http://o"}, last}, "ingress rule 1 (http://o): it matches every request"},
		"star too soon":      {[]Rule{{Hostname: "*", Service: "http://o"}, last}, "it matches every request"},
		"port":               {[]Rule{{Hostname: "a:80", Service: "http://o"}, last}, "hostname has a port"},
		"wildcard inside":    {[]Rule{{Hostname: "a.*.b", Service: "http://o"}, last}, "wildcard"},
		"two wildcards":      {[]Rule{{Hostname: "*.*.b", Service: "http://o"}, last}, "wildcard"},
		"wildcard alone":     {[]Rule{{Hostname: "*.", Service: "http://o"}, last}, "wildcard"},
		"wildcard in label":  {[]Rule{{Hostname: "*a.b", Service: "http://o"}, last}, "wildcard"},
		"no service":         {[]Rule{{}}, "service is missing"},
		"hello":              {[]Rule{{Service: "hello_world"}}, `service "hello_world" is not provided`},
		"bastion":            {[]Rule{{Service: "bastion"}}, "not provided"},
		"tcp":                {[]Rule{{Service: "tcp://localhost:1"}}, `services of scheme "tcp" are not provided`},
		"ssh":                {[]Rule{{Service: "ssh://localhost:22"}}, `scheme "ssh"`},
		"path":               {[]Rule{{Service: "http://o/base"}}, "the path is always the request's"},
		"user":               {[]Rule{{Service: "http://u:p@o"}}, "more than a scheme, a host and a port"},
		"no scheme":          {[]Rule{{Service: "localhost:8080"}}, "no URL with a scheme"},
		"no host":            {[]Rule{{Service: "http://:80"}}, "no URL with a scheme and a host"},
		"status":             {[]Rule{{Service: "http_status:abc"}}, `status "abc"`},
		"interim status":     {[]Rule{{Service: "http_status:101"}}, "want a final one"},
		"big status":         {[]Rule{{Service: "http_status:1000"}}, "want a final one"},
		"socket":             {[]Rule{{Service: "unix:"}}, "the socket has no path"},
		"host header":        {[]Rule{{Service: "http://o", OriginRequest: OriginRequest{HTTPHostHeader: "a\r\nb"}}}, "httpHostHeader"},
		"no pool":            {[]Rule{{Service: "https://o", OriginRequest: OriginRequest{CAPool: "/nowhere.pem"}}}, "caPool"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewIngress(test.rules)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestServicesThatAreTaken(t *testing.T) {
	tests := []struct{ service, want string }{
		{"http://o", "http://o/p?q"},
		{"https://o:8443", "https://o:8443/p?q"},
		{"ws://o:1", "http://o:1/p?q"},
		{"wss://o", "https://o/p?q"},
		{"unix:/run/o.sock", "http://localhost/p?q"},
		{"unix+tls:/run/o.sock", "https://localhost/p?q"},
		{"http://[::1]:80", "http://[::1]:80/p?q"},
	}
	for _, test := range tests {
		in := rules(t, Rule{Service: test.service})
		u, err := url.Parse("https://eyeball/p?q")
		require.NoError(t, err)
		in.find("eyeball", "/p").target(u)
		require.Equal(t, test.want, u.String())
	}
}

func TestHostHeaderIsReplaced(t *testing.T) {
	in := rules(t, Rule{Service: "http://o", OriginRequest: OriginRequest{HTTPHostHeader: "inner.example"}})
	req := &http.Request{Host: "outer.example", URL: &url.URL{Path: "/"}, Header: http.Header{}}
	in.find(req.Host, "/").address(req)
	require.Equal(t, "inner.example", req.Host)
	require.Equal(t, []string{"outer.example"}, req.Header["X-Forwarded-Host"])
}

func TestCAPoolWithoutCertificatesIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pool.pem")
	require.NoError(t, os.WriteFile(file, []byte("no pem"), 0o600))
	_, err := NewIngress([]Rule{{Service: "https://o", OriginRequest: OriginRequest{CAPool: file}}})
	require.ErrorContains(t, err, "holds no PEM certificate")
}
