package results

import (
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of the histograms, ns. Three significant digits keep a percentile within 0.1 %; an hour is longer than any
// time-out.
const (
	histogramLow    = 1_000
	histogramHigh   = 3_600_000_000_000
	histogramDigits = 3
)

// WriteHistograms writes the samples' times as a HdrHistogram log (format 1.3), one histogram for each arm, tagged with
// experiment and arm: for tools that read such logs, and to merge runs without loss. Values are nanoseconds from the
// intended instant: the latency under load, or, in a closed loop, the handshake or service time. A failed sample has no such time: failures are counted in a comment and are not in the histogram.
func WriteHistograms(w io.Writer, m Manifest, samples []Sample) error {
	arms := make([]*hdrhistogram.Histogram, len(m.Arms))
	failed := make([]int, len(m.Arms))
	for _, s := range samples {
		if s.Class != "" {
			failed[s.Arm]++
			continue
		}
		if arms[s.Arm] == nil {
			arms[s.Arm] = hdrhistogram.New(histogramLow, histogramHigh, histogramDigits)
		}
		if err := arms[s.Arm].RecordValue(s.Completed - s.Intended); err != nil {
			return fmt.Errorf("histogram of %s: %w", m.Arms[s.Arm].Arm, err)
		}
	}
	log := hdrhistogram.NewHistogramLogWriter(w)
	for _, line := range []func() error{
		log.OutputLogFormatVersion,
		func() error { return log.OutputStartTime(m.Started.UnixMilli()) },
		log.OutputLegend,
	} {
		if err := line(); err != nil {
			return err
		}
	}
	for i, h := range arms {
		tag := m.Arms[i].Experiment + "/" + m.Arms[i].Arm.String()
		if failed[i] > 0 {
			if err := log.OutputComment(fmt.Sprintf("%s: %d failures are not in the histogram", tag, failed[i])); err != nil {
				return err
			}
		}
		if h == nil {
			continue
		}
		h.SetTag(tag)
		h.SetStartTimeMs(m.Started.UnixMilli())
		h.SetEndTimeMs(m.Finished.UnixMilli())
		if err := log.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return nil
}
