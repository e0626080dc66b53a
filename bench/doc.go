// Package bench runs plans. It is the one package that knows everything: how a plan becomes processes, what those
// measure, and where it is kept. A run goes like this:
//
//  1. A plan is read from YAML and checked whole (OpenPlan): unknown fields, groups and providers, and values that
//     cannot be, are refused with their line before anything starts. What the plan leaves out gets its default.
//  2. Every experiment's factors are multiplied into arms (Experiment.arms), less what cannot be: a Kyber group on a
//     provider that does not compute it, a group this build's crypto/tls does not speak. Arms get numbers, and the
//     comparisons that the plan asks for become pairs of numbers in the manifest.
//  3. The run folder is made under a temporary name (results.Create), the host is described, and a fixed computation
//     is repeated for a second to see how quiet the host is.
//  4. For each experiment, processes are started: this program again, with a role (package role). One edge and its
//     counterpart for each KEM provider, because a provider is fixed when a process starts; client and server apart,
//     because their CPU time must be told apart.
//  5. Blocks: each runs every arm once, in an order drawn from the seed. Comparisons are later made inside blocks,
//     which cancels the drift of the machine. Processes are replaced every few blocks. A storm's arms may run side by
//     side instead.
//     A rate's trial is an open loop: each process of the load makes the same seeded schedule, takes its share of it, and
//     starts at an instant that all are told (role.Prepare, role.Open). What it drives has the lower priority (giveWay), so
//     that on shared cores the edge runs out of time before the generator is late. A knee's trial is a search (package
//     knee) whose probes are such loops.
//  6. A trial is one arm in one block. The load's samples (every handshake or request, failed ones included) and the
//     trial's own values (CPU time by getrusage, allocations, rates, bytes) are written as they come.
//     One watch is kept over all processes meanwhile: what ends, or does not answer for a minute, ends the run with that
//     for a reason.
//  7. At the end, or at Ctrl-C, or when something broke, the manifest is completed and the folder gets its name.
//  8. Package results/report reads the folder, makes summary.json, the tables, the plots and the report, and could do
//     so again at any time with the same bytes: it has no clock and no random source of its own.
package bench
