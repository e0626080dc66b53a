// Package endtoend has no code of its own: its tests run edge, connector and
// origin together in one process, which neither end's own tests may do, since
// the ends do not know each other.
package endtoend
