package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every text of an SVG carries its length, so that a wider font cannot push a label under the bars.
func TestSVGTextsAreFitted(t *testing.T) {
	f := figure{Name: "x", Title: "Title & more", where: "here", height: 100}
	svg, err := f.svg()
	require.NoError(t, err)
	texts := strings.Count(string(svg), "<text ")
	assert.Positive(t, texts)
	assert.Equal(t, texts, strings.Count(string(svg), ` textLength="`))
	assert.Equal(t, texts, strings.Count(string(svg), `Arial,Helvetica,sans-serif;`))
	assert.Contains(t, string(svg), "Title &amp; more</text>")
}
