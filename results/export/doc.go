// Package export says what was found where others look: on a terminal, in a GitHub step summary and in annotations, and in
// the formats that test reporters, metrics stores and benchmark trackers read. It knows results.Findings alone: a gate, a
// comparison and a run all come in that form, and it is pure: the same findings give the same bytes.
package export
