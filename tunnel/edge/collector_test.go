package edge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

func post(c *Collector, contentType, body string) int {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code
}

func TestCollectorCountsByGroupAndClass(t *testing.T) {
	var c Collector
	for _, body := range []string{
		`{"g":65072,"m":"CRYPTO_ERROR 0x128 (remote): tls: handshake failure","v":"2022.9.1"}`,
		`{"g":65072,"m":"CRYPTO_ERROR 0x128: tls: handshake failure (from 10.0.0.7)","v":"2022.9.1"}`,
		`{"g":65073,"m":"CRYPTO_ERROR 0x128 (remote)","v":""}`,
		`{"g":65073,"m":"timeout: no recent network activity"}`,
		`{"g":7,"m":"dial udp 127.0.0.1:7844: i/o error","x":"fields of later versions are ignored"}`,
	} {
		require.Equal(t, http.StatusOK, post(&c, "application/json", body))
	}
	want := Reports{Total: 5, Counts: []ReportCount{
		{Group: "0x0007", Error: "dial udp # i/o error", Count: 1},
		{Group: "X25519Kyber512Draft00", Error: "CRYPTO_ERROR 0x128", Count: 2},
		{Group: "X25519Kyber768Draft00@0xfe31", Error: "CRYPTO_ERROR 0x128", Count: 1},
		{Group: "X25519Kyber768Draft00@0xfe31", Error: "timeout: no recent network activity", Count: 1},
	}}
	require.Equal(t, want, c.Reports())

	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusOK, w.Code)
	var got Reports
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, want, got)
}

// What our connector marshals is what the collector reads.
func TestCollectorReadsAFailureReport(t *testing.T) {
	body, err := json.Marshal(tunnel.FailureReport{Group: 0x11ec, Error: "no", Version: "1"})
	require.NoError(t, err)
	require.JSONEq(t, `{"g":4588,"m":"no","v":"1"}`, string(body))
	var c Collector
	require.Equal(t, http.StatusOK, post(&c, "application/json; charset=utf-8", string(body)))
	require.Equal(t, []ReportCount{{Group: "X25519MLKEM768", Error: "no", Count: 1}}, c.Reports().Counts)
}

func TestCollectorRefusesWhatIsNoReport(t *testing.T) {
	var c Collector
	const good = `{"g":1,"m":"e","v":"v"}`
	tests := []struct {
		contentType, body string
		want              int
	}{
		{"text/plain", good, http.StatusUnsupportedMediaType},
		{"", good, http.StatusUnsupportedMediaType},
		{"application/json", "", http.StatusBadRequest},
		{"application/json", "{", http.StatusBadRequest},
		{"application/json", good + good, http.StatusBadRequest},
		{"application/json", `{"g":65536,"m":"e"}`, http.StatusBadRequest},
		{"application/json", `{"g":-1,"m":"e"}`, http.StatusBadRequest},
		{"application/json", `{"g":1}`, http.StatusBadRequest},
		{"application/json", `{"g":1,"m":"e","v":"` + strings.Repeat("v", 129) + `"}`, http.StatusBadRequest},
		{"application/json", `{"g":1,"m":"` + strings.Repeat("e", 4096) + `"}`, http.StatusRequestEntityTooLarge},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, post(&c, tt.contentType, tt.body), "%s %.40s", tt.contentType, tt.body)
	}
	require.Equal(t, Reports{Refused: int64(len(tests)), Counts: []ReportCount{}}, c.Reports())

	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

// A flood of different errors costs no more than the classes there is room for.
func TestCollectorIsBounded(t *testing.T) {
	var c Collector
	const flood = 4 * maxReportKeys
	for i := range flood {
		require.Equal(t, http.StatusOK, post(&c, "application/json", fmt.Sprintf(`{"g":%d,"m":"e"}`, i)))
	}
	r := c.Reports()
	require.Len(t, r.Counts, maxReportKeys)
	require.EqualValues(t, flood, r.Total)
	require.Equal(t, ReportCount{Group: "0x0000", Error: OtherErrors, Count: flood - (maxReportKeys - 1)}, r.Counts[1])
	require.Equal(t, http.StatusOK, post(&c, "application/json", `{"g":5,"m":"e"}`))
	require.EqualValues(t, 2, c.Reports().Counts[6].Count, "known ones still count")
}

func FuzzCollector(f *testing.F) {
	f.Add([]byte(`{"g":65072,"m":"CRYPTO_ERROR 0x128 (remote): tls: handshake failure","v":"2022.9.1"}`))
	f.Add([]byte(`{"g":1,"m":"CRYPTO_ERROR 0x\u0000\ud800 10.0.0.1"}`))
	f.Add([]byte(`{"m":"` + strings.Repeat("é", 100) + `"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var c Collector
		status := post(&c, "application/json", string(body))
		r := c.Reports()
		require.EqualValues(t, 1, r.Total+r.Refused)
		require.Equal(t, status == http.StatusOK, r.Total == 1, status)
		for _, count := range r.Counts {
			require.LessOrEqual(t, len(count.Error), maxErrorClass)
			require.True(t, utf8.ValidString(count.Error))
			require.False(t, strings.ContainsFunc(count.Error, func(r rune) bool { return !unicode.IsGraphic(r) }), "%q", count.Error)
			require.Equal(t, count.Error, ErrorClass(count.Error), "a class is its own class")
		}
	})
}
