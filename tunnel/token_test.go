package tunnel

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var issued = Credentials{
	AccountTag: "account", TunnelSecret: []byte("0123456789abcdef0123456789abcdef"),
	TunnelID: uuid.MustParse("0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162"),
}

func TestCredentialsGoThroughAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	for _, want := range []Credentials{issued, {AccountTag: "b", TunnelSecret: []byte{0xff}, TunnelID: uuid.New(), Endpoint: "us"}} {
		require.NoError(t, want.WriteFile(path)) // the second time over the first
		got, err := ReadCredentials(path)
		require.NoError(t, err)
		require.Equal(t, want, got)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file may stay")
	require.ErrorContains(t, Credentials{}.WriteFile(path), "account tag")
	_, err = ReadCredentials(path + ".none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// The token is what cloudflared 2026.8.2 accepted in the run that the protocol notes record.
func TestTokenIsCloudflareds(t *testing.T) {
	got, err := issued.Token()
	require.NoError(t, err)
	text, err := base64.StdEncoding.DecodeString(got)
	require.NoError(t, err)
	require.Equal(t, `{"a":"account","s":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","t":"0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162"}`, string(text))
	back, err := ParseToken("\n " + got + "\n")
	require.NoError(t, err)
	require.Equal(t, issued, back)
}

func TestBadCredentialsNameTheFieldAndHideTheValue(t *testing.T) {
	const secret, id = `"TunnelSecret":"aHVudGVyMiE="`, `"TunnelID":"0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162"`
	for text, want := range map[string]string{
		``:                                       "not JSON",
		`[]`:                                     "not a JSON object",
		`{"AccountTag":"a",` + secret + `,` + id: "not JSON",
		`{` + secret + `,` + id + `}`:            "AccountTag is missing",
		`{"AccountTag":1,` + secret + `,` + id + `}`:                           "AccountTag must be a string",
		`{"AccountTag":"a",` + id + `}`:                                        "TunnelSecret is missing",
		`{"AccountTag":"a","TunnelSecret":"hunter2!",` + id + `}`:              "TunnelSecret is not base64",
		`{"AccountTag":"a",` + secret + `}`:                                    "TunnelID is missing",
		`{"AccountTag":"a",` + secret + `,"TunnelID":"hunter2!"}`:              "TunnelID is not the UUID",
		`{"AccountTag":"a",` + secret + `,"TunnelID":"` + uuid.NewString()[1:]: "not JSON",
	} {
		_, err := ParseCredentials([]byte(text))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "hunter2", text)
		require.NotContains(t, err.Error(), "aHVudGVyMiE", text)
	}
	for text, want := range map[string]string{
		`{"s":"hunter2!"}`:                       `"a" (account tag) is missing`,
		`{"a":"x","s":"hunter2!"}`:               `"t" (tunnel id) is missing`,
		`{"a":"x","s":"hunter2!","t":"x"}`:       `"s" (secret) is not base64`,
		`{"a":"x","s":"aGVsbG8=","t":"hunter2"}`: `"t" (tunnel id) is not the UUID`,
		`{"a":"x","s":["hunter2"]}`:              "s must be a string",
	} {
		_, err := ParseToken(base64.StdEncoding.EncodeToString([]byte(text)))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "hunter2", text)
	}
	_, err := ParseToken("hunter2!")
	require.ErrorContains(t, err, "not base64")
	require.NotContains(t, err.Error(), "hunter2")
}

// What parses is valid and survives the way back, in both spellings.
func FuzzCredentials(f *testing.F) {
	f.Add(`{"AccountTag":"a","TunnelSecret":"aHVudGVyMiE=","TunnelID":"0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162","Endpoint":"us"}`)
	f.Add(`{"a":"a","s":"aHVudGVyMiE=","t":"0b1f4d2c-8f2e-4c53-9a3c-1d2e3f405162","e":"us"}`)
	f.Add(`{"AccountTag":null,"TunnelSecret":{},"TunnelID":0}`)
	f.Fuzz(func(t *testing.T, text string) {
		file, fileErr := ParseCredentials([]byte(text))
		token, tokenErr := ParseToken(base64.StdEncoding.EncodeToString([]byte(text)))
		_, _ = ParseToken(text)
		for c, err := range map[*Credentials]error{&file: fileErr, &token: tokenErr} {
			if err != nil {
				require.Zero(t, *c)
				require.False(t, strings.ContainsRune(err.Error(), '\n'))
				continue
			}
			require.NoError(t, c.Validate())
			again, err := c.Token()
			require.NoError(t, err)
			back, err := ParseToken(again)
			require.NoError(t, err)
			require.Equal(t, *c, back)
		}
	})
}
