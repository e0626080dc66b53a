package daemon

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// everything is a file with every kind of key.
const everything = `
tunnel: 0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162
credentials-file: /etc/pqbench/credentials.json
post-quantum: true
protocol: quic
edge: [127.0.0.1:7844, "[::1]:7844"]
cacert: ca.pem
ha-connections: 6
retries: 3
grace-period: 10s
loglevel: debug
no-autoupdate: true
metrics: 127.0.0.1:9090
originRequest:
  connectTimeout: 3s
  noTLSVerify: true
ingress:
  - hostname: app.example
    path: ^/api/
    service: http://127.0.0.1:8080
    originRequest:
      httpHostHeader: inner.example
  - hostname: "*.example"
    service: https://127.0.0.1:8443
  - service: http_status:404
`

func TestFile(t *testing.T) {
	f, err := ParseFile([]byte(everything))
	require.NoError(t, err)
	want := &File{
		ConnectorSettings: ConnectorSettings{
			Tunnel: "0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162", CredentialsFile: "/etc/pqbench/credentials.json", PostQuantum: PostQuantumStrict,
			Protocol: "quic", Edge: List{"127.0.0.1:7844", "[::1]:7844"}, CACert: "ca.pem", HAConnections: new(6), Retries: new(3),
			GracePeriod: new(10 * time.Second), LogLevel: "debug", Metrics: "127.0.0.1:9090",
		},
		OriginRequest: OriginRequest{ConnectTimeout: new(3 * time.Second), NoTLSVerify: new(true)},
		Ingress: []Rule{
			{Hostname: "app.example", Path: "^/api/", Service: "http://127.0.0.1:8080", OriginRequest: OriginRequest{HTTPHostHeader: new("inner.example")}, line: 18},
			{Hostname: "*.example", Service: "https://127.0.0.1:8443", line: 23},
			{Service: "http_status:404", line: 25},
		},
		Warnings: []string{"line 12: no-autoupdate has no effect here"},
	}
	require.Equal(t, want, f)
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		f, err = ParseFile([]byte(empty))
		require.NoError(t, err)
		require.Equal(t, &File{}, f)
	}
	f, err = ParseFile([]byte("edge: a:1,b:2\npost-quantum: prefer"))
	require.NoError(t, err)
	require.Equal(t, List{"a:1", "b:2"}, f.Edge)
	require.Equal(t, PostQuantumPrefer, f.PostQuantum)
}

func TestFileErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"tunnel: x\n":                                        `line 1: tunnel: "x" is not a tunnel's id`,
		"\nedgee: a\n":                                       `line 2: unknown key "edgee" (did you mean "edge"?)`,
		"\n\nwarp-routing: {enabled: true}\n":                "line 3: warp-routing is a key of cloudflared that pqbench does not support",
		"originRequest:\n  noTLSverify: true":                `line 2: unknown key "noTLSverify" (did you mean "noTLSVerify"?)`,
		"originRequest:\n  connectTimeout: 3":                "line 2: this key cannot be",
		"originRequest:\n  connectTimeout: -3s":              "line 1: originRequest: connectTimeout: -3s is out of range",
		"originRequest:\n  httpHostHeader: \"a\\r\\nX: y\"":  "line 1: originRequest: httpHostHeader",
		"\nretries: many":                                    "line 2: this key cannot be",
		"edge: a\nretries: -1":                               "line 2: retries: -1 is out of range, want 1 to 14",
		"edge: a\ngrace-period: 4m":                          "line 2: grace-period: 4m0s is out of range, want 0s to 3m0s",
		"post-quantum: maybe":                                "line 1: post-quantum \"maybe\" is unknown",
		"post-quantum: [true]":                               "line 1: post-quantum wants",
		"edge: {a: b}":                                       "line 1: want a word or a list of words",
		"post-quantum: true\nprotocol: http2":                "line 2: protocol: post-quantum is only supported with the quic transport",
		"protocol: http2":                                    "line 1: protocol: pqbench speaks QUIC only",
		"protocol: quick":                                    `line 1: protocol: "quick" is unknown (did you mean "quic"?)`,
		"groups: [X25519MLKEM786]":                           "line 1: groups: ",
		"url: localhost:8080":                                "line 1: url: ",
		"url: ftp://u:hunter2@h":                             `line 1: url: "xxxxx@h" is not`,
		"metrics: here":                                      "line 1: metrics: ",
		"a: b: c":                                            "line 1: ",
		"- a":                                                "line 1: want keys and values",
		"edge: a\n---\nedge: b":                              "line 2: a second YAML document",
		"edge: a\nedge: b":                                   "line 2: ",
		"edge: &a x\ncacert: *a":                             "line 2: write the value out",
		"edge: a\n\x01":                                      "line 2: a control character",
		"edge: a\n\xff":                                      "line 2: not UTF-8",
		"ingress: []":                                        "line 1: the ingress list is empty",
		"ingress:\n- hostname: a.b\n  service: http://c":     "line 2: the last ingress rule must match every request",
		"ingress:\n- path: /a\n  service: http://c":          "line 2: the last ingress rule must match every request",
		"ingress:\n- service: http://c\n- service: http://c": "line 2: ingress rule 1 matches every request",
		"ingress:\n- hostname: a.b\n- service: http://c":     "line 2: ingress rule 1: service is missing",
		"ingress:\n- service: http_status:42":                "line 2: ingress rule 1: status \"42\": want",
		"ingress:\n- service: tcp://c":                       "line 2: ingress rule 1: services of scheme \"tcp\"",
		"ingress:\n- service: http://c/path":                 "line 2: ingress rule 1: service has more than",
		"ingress:\n- path: '('\n  service: http://c":         "line 2: ingress rule 1: path \"(\" is no regular expression",
		"ingress:\n- hostname: a.*.b\n  service: http://c":   "line 2: ingress rule 1: hostname",
		"ingress:\n- hostname: a:80\n  service: http://c":    "line 2: ingress rule 1: hostname",
		"\nurl: http://a\ningress:\n- service: http://c":     "line 2: url and ingress are two answers",
		"ingress:\n- servce: http://c":                       "line 2: unknown key \"servce\" (did you mean \"service\"?)",
		"ingress:\n- service: http://c\n  originRequest:\n    access: {required: true}": "line 4: access is a key of cloudflared",
	} {
		_, err := ParseFile([]byte(text))
		require.ErrorContains(t, err, want, text)
		require.True(t, strings.HasPrefix(err.Error(), "line "), "%q: %v", text, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yml")
	_, err := ReadFile(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("edgee: a"), 0o600))
	_, err = ReadFile(path)
	require.ErrorContains(t, err, "config.yml: line 1: ")
}

// Every setting is taken from the file when nothing else gave it, and only then.
func TestSettingsBeforeFile(t *testing.T) {
	given, file := filled(1), filled(2)
	require.Equal(t, file, ConnectorSettings{}.Or(file))
	require.Equal(t, given, given.Or(file))
	mixed := ConnectorSettings{Token: "t", Retries: new(0)}.Or(file)
	require.Equal(t, 0, *mixed.Retries)
	require.Equal(t, file.Edge, mixed.Edge)
	require.Empty(t, mixed.CredentialsFile+mixed.CredentialsContents+mixed.TokenFile+mixed.Tunnel, "the file's credentials must not join the token")
}

// filled has a value in every field, another for each n.
func filled(n int) (s ConnectorSettings) {
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() == reflect.Pointer {
			field.Set(reflect.New(field.Type().Elem()))
			field = field.Elem()
		}
		switch field.Kind() {
		case reflect.String:
			field.SetString(strings.Repeat("x", n))
		case reflect.Slice:
			field.Set(reflect.ValueOf(List{strings.Repeat("x", n)}))
		case reflect.Bool:
			field.SetBool(n == 1)
		case reflect.Uint64:
			field.SetUint(uint64(n))
		default:
			field.SetInt(int64(n))
		}
	}
	return s
}

func TestCredentialsFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	want := tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("hunter2!"), TunnelID: uuid.New()}
	file, tokenFile := filepath.Join(dir, "c.json"), filepath.Join(dir, "token")
	require.NoError(t, want.WriteFile(file))
	token, err := want.Token()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(tokenFile, []byte(token+"\n"), 0o600))
	contents, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, s := range []ConnectorSettings{
		{Token: token}, {TokenFile: tokenFile}, {CredentialsContents: string(contents)}, {CredentialsFile: file},
		{Token: token, CredentialsFile: "/nowhere"}, {CredentialsFile: file, Tunnel: want.TunnelID.String()},
	} {
		got, err := s.Credentials()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for want, s := range map[string]ConnectorSettings{
		"credentials-file: the connector has no credentials": {},
		"token: it is not base64":                            {Token: "hunter2!"},
		"token-file: read token":                             {TokenFile: dir + "/none"},
		"credentials-contents: credentials":                  {CredentialsContents: "hunter2"},
		"is not the tunnel that the token is for":            {Token: token, Tunnel: uuid.NewString()},
	} {
		_, err := s.Credentials()
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hunter2")
		require.ErrorAs(t, err, new(*SettingError))
	}
}

// No text makes it panic; an error is one line that begins with the text's line; what parses has rules that end in one
// for every request.
func FuzzFile(f *testing.F) {
	f.Add(everything)
	f.Add("ingress:\n- hostname: a\n  service: http_status:404\n- service: http_status:503\n")
	f.Add("a: &a [*a]\n")
	f.Add("edge: !!binary x\n? [a]\n: b\n")
	f.Add("<<: {edge: a}\ngrace-period: 1h\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseFile([]byte(text))
		if err != nil {
			require.Regexp(t, `^line [0-9]+: [^\n]+$`, err.Error())
			return
		}
		require.NoError(t, file.check())
		if n := len(file.Ingress); n > 0 {
			require.True(t, file.Ingress[n-1].all())
		}
	})
}
