package wire

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCoverage holds coverage against a set that stores every number.
func TestCoverage(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var c coverage
		slow := make(map[uint64]bool)
		for range 30 {
			s := span{rng.Uint64N(60), 0}
			s.end = s.start + rng.Uint64N(8)
			fresh := uint64(0)
			for n := s.start; n < s.end; n++ {
				if !slow[n] {
					fresh++
				}
				slow[n] = true
			}
			require.Equal(t, fresh, c.add(s), "seed %d, add %v", seed, s)
			require.True(t, c.covers(s))
		}
		var top uint64
		for n := range uint64(80) {
			require.Equal(t, slow[n], c.covers(span{n, n + 1}), "seed %d, %d", seed, n)
			if slow[n] {
				top = n + 1
			}
		}
		require.Equal(t, uint64(len(slow)), c.size())
		require.Equal(t, top, c.max())
		for i := 1; i < len(c); i++ {
			require.Less(t, c[i-1].end, c[i].start, "spans are sorted and do not touch")
		}
	}
}

func TestCoverageIsAsSmallAsItsSpans(t *testing.T) {
	var c coverage
	c.add(span{1 << 61, 1 << 62})
	c.add(span{0, 1})
	require.Len(t, c, 2)
	require.Equal(t, uint64(1<<61+1), c.size())
	require.False(t, c.covers(span{0, 1 << 62}))
}

func TestAssemble(t *testing.T) {
	piece := func(offset uint64, data string) cryptoFrame { return cryptoFrame{offset, []byte(data)} }
	tests := []struct {
		name   string
		pieces []cryptoFrame
		want   string
	}{
		{"none", nil, ""},
		{"in order", []cryptoFrame{piece(0, "ab"), piece(2, "cd")}, "abcd"},
		{"scrambled", []cryptoFrame{piece(2, "cd"), piece(4, "e"), piece(0, "ab")}, "abcde"},
		{"up to a gap", []cryptoFrame{piece(0, "ab"), piece(3, "d")}, "ab"},
		{"without a beginning", []cryptoFrame{piece(1, "b")}, ""},
		{"repeated and overlapping", []cryptoFrame{piece(0, "abc"), piece(1, "bcd"), piece(0, "ab"), piece(2, "c")}, "abcd"},
		{"far away", []cryptoFrame{piece(0, "a"), piece(1<<62, "z")}, "a"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, string(assemble(test.pieces)), test.name)
	}
}

func TestSplitMessages(t *testing.T) {
	stream := []byte{8, 0, 0, 1, 'a', 11, 0, 0, 0, 20, 0, 0, 2, 'x'}
	got := splitMessages(stream)
	require.Len(t, got, 2, "the third is not complete")
	require.Equal(t, message{typ: 8, raw: []byte{8, 0, 0, 1, 'a'}, span: span{0, 5}}, got[0])
	require.Equal(t, message{typ: 11, raw: []byte{11, 0, 0, 0}, span: span{5, 9}}, got[1])
	require.Equal(t, got[1], ofType(got, 11))
	require.Equal(t, message{}, ofType(got, 20))
	require.Len(t, splitMessages(append(stream, 'y')), 3)
	require.Empty(t, splitMessages([]byte{1, 0, 0}))
}

func TestParseKeyLog(t *testing.T) {
	random := []byte{0xab, 0xcd}
	log := "# comment\r\nA abcd 01\nB ABCD 02 \nC ffff 03\nD abcd zz\nE abcd\n\nF abcd 04 05\nG abcd 06"
	require.Equal(t, map[string][]byte{"A": {1}, "B": {2}, "G": {6}}, parseKeyLog([]byte(log), random))
	require.Empty(t, parseKeyLog(nil, random))
}

func TestLostServerPackets(t *testing.T) {
	numbers := func(ns ...uint64) (c coverage) {
		for _, n := range ns {
			c.add(span{n, n + 1})
		}
		return c
	}
	tests := []struct {
		name     string
		received [spaces]coverage
		closed   int
		want     int
	}{
		{"none", [spaces]coverage{}, 0, 0},
		{"one sequence", [spaces]coverage{numbers(0, 3), numbers(1), numbers(2)}, 0, 0},
		{"one sequence, two missing", [spaces]coverage{numbers(0), numbers(3), numbers(4)}, 0, 2},
		{"1-RTT at the end is not judged", [spaces]coverage{numbers(0), numbers(1), numbers(9)}, 0, 0},
		{"each space for itself", [spaces]coverage{numbers(0), numbers(0, 1), numbers(0)}, 0, 0},
		{"each for itself, one missing", [spaces]coverage{numbers(0, 2), numbers(0, 1), nil}, 0, 1},
		{"a closed packet had a number", [spaces]coverage{numbers(0, 2), nil, nil}, 1, 0},
		{"more closed than missing", [spaces]coverage{numbers(0), nil, nil}, 3, 0},
	}
	for _, test := range tests {
		c := &counter{received: test.received, closed: test.closed}
		require.Equal(t, test.want, c.lostServerPackets(), test.name)
	}
}
