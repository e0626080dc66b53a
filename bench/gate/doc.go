// Package gate holds what a handshake costs against numbers that are kept in git. All of them are exact: they come from
// the virtual-time lab, so they are the same on any machine, and a difference is a change of the code and not of the
// weather. Allocations alone have a tolerance, which is stated.
//
//  1. Measure makes the handshakes of a few fixed conditions (conditions.go) in lab workers, within seconds.
//  2. A baseline is a file of numbers, one a line, for one set of versions (Key): Go, and the modules that decide what is
//     on the wire. Another set has a file of its own, so a new toolchain is new, and not a regression.
//  3. Judge compares the two, number by number, and finds every difference, and every number that one side lacks.
//  4. A difference that is meant is accepted with a reason. The file keeps all reasons, and a checksum: one that was
//     edited is refused.
package gate
