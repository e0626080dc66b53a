// Package capacity says what a fleet of tunnels needs: hosts, cores, memory, bandwidth and ports, and which of them
// binds; classical beside post-quantum. It goes like this:
//
//  1. A Target says what is asked for: so many tunnels, requests, bit/s, and how soon all are back after an outage. It
//     comes from flags or a YAML file, through the same fields (fields.go).
//  2. Read takes unit costs from run folders: CPU per handshake, request and GB at the edge, memory and upkeep per connection,
//     bytes. A cost is the median over blocks; draws of whole blocks, the same for all groups, are kept beside it.
//  3. Solve turns costs into hosts, dimension by dimension, once for the medians and once for each draw: that gives the
//     intervals. A dimension whose cost was not measured is refused with the reason, never guessed.
//  4. The rate of handshakes that brings the fleet back in time comes from package storm: the law by which connectors
//     come back decides it, not the group. The storm is then simulated whole, at the size and on the hosts found.
//  5. Where a run measured a storm, the simulation is run at that size, too, and its prediction stands beside (validate.go).
//  6. Write puts capacity.md, capacity.json and the plots into a folder.
//
// Everything is a pure function of run folders, target and seed.
package capacity
