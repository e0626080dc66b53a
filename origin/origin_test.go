package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, o *Origin, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	o.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestBytes(t *testing.T) {
	tests := map[string]int{
		"0": 0, "1": 1, "251": 251, "64KiB": 64 << 10, "1MB": 1e6, "2MiB": 2 << 20, "100kB": 1e5,
	}
	for size, want := range tests {
		w := serve(t, New(), "GET", "/bytes/"+size, "")
		require.Equal(t, http.StatusOK, w.Code, size)
		require.Equal(t, want, w.Body.Len(), size)
		require.Equal(t, fmt.Sprint(want), w.Header().Get("Content-Length"), size)
		require.NoError(t, Verify(w.Body.Bytes(), 0), size)
	}
	w := serve(t, New(), "HEAD", "/bytes/1MB", "")
	require.Equal(t, "1000000", w.Header().Get("Content-Length"))
	require.Zero(t, w.Body.Len())
}

func TestVerifyFindsAnyWrongByteAtAnyOffset(t *testing.T) {
	all := serve(t, New(), "GET", "/bytes/300KiB", "").Body.Bytes()
	for _, from := range []int{0, 1, 250, 251, 64256, 100_001} {
		part := append([]byte(nil), all[from:]...)
		require.NoError(t, Verify(part, int64(from)))
		require.Error(t, Verify(part[1:], int64(from)), "shifted by one")
		for _, at := range []int{0, 251, len(part) - 1} {
			part[at]++
			require.ErrorContains(t, Verify(part, int64(from)), fmt.Sprintf("byte %d is", from+at))
			part[at]--
		}
	}
	require.NoError(t, Verify(nil, 5))
}

func TestOutOfBoundsIsAClear400(t *testing.T) {
	for target, says := range map[string]string{
		"/bytes/-1":                   "64KiB",
		"/bytes/lots":                 "64KiB",
		"/bytes/65GiB":                "68719476736",
		"/bytes/99999999999999999999": "64KiB",
		"/bytes/9223372036854775807":  "64KiB",
		"/bytes/1.5MB":                "64KiB",
		"/delay/61s":                  "1m0s",
		"/delay/-1s":                  "1m0s",
		"/delay/soon":                 "300ms",
		"/delay/5":                    "300ms",
	} {
		w := serve(t, New(), "GET", target, "")
		require.Equal(t, http.StatusBadRequest, w.Code, target)
		require.Contains(t, w.Body.String(), says, target)
	}
}

func TestSinkAndEcho(t *testing.T) {
	body := strings.Repeat("abc", 50_000)
	for _, method := range []string{"POST", "PUT"} {
		w := serve(t, New(), method, "/sink", body)
		require.JSONEq(t, `{"bytes":150000}`, w.Body.String())
	}
	w := serve(t, New(), "POST", "/echo", body)
	require.Equal(t, body, w.Body.String())
	require.Equal(t, "150000", w.Header().Get("Content-Length"))
	require.Equal(t, http.StatusOK, serve(t, New(), "GET", "/echo", "").Code)
}

func TestEchoOfACutBodyDoesNotLookWhole(t *testing.T) {
	o := New()
	r := httptest.NewRequest("POST", "/echo", io.MultiReader(strings.NewReader("half"), cut{}))
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { o.ServeHTTP(httptest.NewRecorder(), r) })
	require.EqualValues(t, 1, o.Stats().Failed)
	r = httptest.NewRequest("POST", "/sink", cut{})
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.EqualValues(t, 2, o.Stats().Failed)
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestDelay(t *testing.T) {
	o := New()
	require.Equal(t, http.StatusNoContent, serve(t, o, "GET", "/delay/1ms", "").Code)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/delay/1m", nil).WithContext(ctx)) // returns at once
	require.EqualValues(t, 1, o.Stats().Failed)
}

func TestStatsCountByPath(t *testing.T) {
	o := New()
	serve(t, o, "GET", "/bytes/10", "")
	serve(t, o, "GET", "/bytes/20", "")
	serve(t, o, "POST", "/echo", "hello")
	serve(t, o, "POST", "/sink", "four")
	require.Equal(t, http.StatusNotFound, serve(t, o, "GET", "/nowhere", "").Code)
	want := Stats{Counts: Counts{Requests: 5, BytesIn: 9, BytesOut: 30 + 5 + 11}, Paths: map[string]Counts{
		"/bytes": {Requests: 2, BytesOut: 30},
		"/echo":  {Requests: 1, BytesIn: 5, BytesOut: 5},
		"/sink":  {Requests: 1, BytesIn: 4, BytesOut: 11},
		"/delay": {}, "/stats": {}, "/ws": {}, "other": {Requests: 1},
	}}
	require.Equal(t, want, o.Stats())
	var got Stats
	require.NoError(t, json.Unmarshal(serve(t, o, "GET", "/stats", "").Body.Bytes(), &got))
	want.Requests++
	want.Paths["/stats"] = Counts{Requests: 1}
	require.Equal(t, want, got)
}

// FuzzParseSize: what is accepted is within bounds.
func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"0", "64KiB", "1MB", "-1", "9223372036854775807GiB", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSize(text); err == nil && (n < 0 || n > MaxBytes) {
			t.Errorf("parseSize(%q) = %d", text, n)
		}
	})
}
