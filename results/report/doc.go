// Package report turns a run folder into what people read: summary.json, tables, plots, report.md and report.html.
//
//  1. results.Load reads the folder; index sorts its records by arm and block.
//  2. Summarise makes every number: a Row per metric and arm, a Comparison per metric and pair, warnings.
//  3. tables lays rows out by experiment; WriteTables draws them for a terminal, the templates for Markdown and HTML.
//  4. figures draws the plots from the same rows, and the distribution of handshake times from the samples.
//  5. Write puts all of it into the folder.
//
// Everything is a pure function of the folder's manifest and records: no clock, no name of the folder, and no randomness
// but bootstraps seeded from the manifest's seed. The same folder gives the same bytes.
package report
