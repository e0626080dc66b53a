// Package role runs the parts of an experiment as processes of their own: this program, executed again with a role,
// because the CPU time, memory and garbage collector of edge, connector, origin and load must be told apart.
//
// A role is driven over its standard input and output (net/rpc). It ends when its standard input ends, so that no
// process outlives the run that started it, not even a killed one. The parts themselves are built by the same
// constructors that the commands use; what is here only passes configuration in and measurements out.
package role
