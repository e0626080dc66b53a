// Package results is the vocabulary of measurement: what a run was (Manifest), what one unit of load saw (Sample),
// what one arm gave in one block (Trial), and the folder they are kept in (Writer, Reader).
//
// It knows nothing of tunnels, of key agreement or of statistics. Numbers are made from these records by
// results/stats, and shown by results/report; both are pure: the same folder gives the same bytes.
package results
