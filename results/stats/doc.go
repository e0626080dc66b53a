// Package stats turns numbers into numbers: quantiles, intervals, tests and corrections.
//
// Everything here is a pure function of its arguments. There is no clock and no global source of randomness; a function
// that resamples takes the seed, and the same seed gives the same result on every machine.
//
// The unit of evidence is the block, one interleaved round of all arms: samples within a block share the machine's mood
// and are not independent, blocks nearly are. Intervals are therefore made over blocks, and refused below MinBlocks.
package stats
