package results

import (
	"bytes"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is written is read again by the library's own reader: tags, counts, and values within 0.1 %.
func TestWriteHistograms(t *testing.T) {
	m := Manifest{Started: time.Unix(1000, 0), Finished: time.Unix(1060, 0), Arms: []ArmOf{
		{Experiment: "kex", Arm: Arm{Group: "X25519"}},
		{Experiment: "handshake", Arm: Arm{Group: "X25519", Cert: "ecdsa-p256", Concurrency: 8}},
	}}
	var samples []Sample
	for i := range int64(100) {
		samples = append(samples, Sample{Arm: 1, Sent: i, Completed: i + (i+1)*1_000_000})
	}
	samples = append(samples, Sample{Arm: 1, Completed: 5e9, Class: ClassTimeout})
	var log bytes.Buffer
	require.NoError(t, WriteHistograms(&log, m, samples))
	assert.Contains(t, log.String(), "1 failures are not in the histogram")

	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log.Bytes()))
	h, err := reader.NextIntervalHistogram()
	require.NoError(t, err)
	assert.Equal(t, "handshake/group=X25519/cert=ecdsa-p256/concurrency=8", h.Tag())
	assert.EqualValues(t, 100, h.TotalCount())
	assert.InEpsilon(t, 50_000_000, h.ValueAtQuantile(50), 0.001)
	assert.InEpsilon(t, 100_000_000, h.Max(), 0.001)
	next, err := reader.NextIntervalHistogram()
	require.NoError(t, err)
	assert.Nil(t, next, "kex has no samples")

	samples[0].Completed = samples[0].Sent + 2*histogramHigh
	assert.Error(t, WriteHistograms(&log, m, samples), "out of range")
}
