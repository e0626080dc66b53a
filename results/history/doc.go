// Package history keeps what runs measured in a file in git, one JSON line for each metric of each run, and finds where a
// series of runs got another level.
//
//  1. Lines makes a run's lines from its manifest and summary; Append adds them to the file. Nothing is ever rewritten, so
//     that branches merge line by line.
//  2. Read reads the file, strictly: every line must be whole and known, and no number may stand there twice.
//  3. Group sorts the lines into Series, one for each metric, arm and host, in the order of time. Numbers of different
//     hosts are not compared, unless the caller mixes them.
//  4. Analyse finds the change points of a series (stats.EDivisive), and holds its last step against the fence of the steps
//     before (stats.Fence).
//  5. Findings says it in the vocabulary of all regression tracking.
package history
