// Package compare says whether one pqbench is slower than another, and can be believed when it says so. A comparison
// goes like this:
//
//  1. The operands become programs (Build): a git revision is taken from git into a scratch folder and built there with its
//     own overlay; a working tree is built where it is, and marked; a binary is taken as it is.
//  2. Measuring goes in rounds of one experiment. A round starts fresh processes for three arms: base, base again, and
//     head, each from a file of its own. Where CPU time is measured they work at once, all edges on one core and what talks
//     to them on another. Where it is how long something takes, they take turns in many short slices, in a random order that
//     is mirrored from slice to slice. So whatever the machine does meets all three. A round gives one value for each metric
//     and arm. One in which a program fails is made again, and told: a head that fails more often than its third is no pass.
//     A program that hangs is ended, since every turn has a time that it cannot exceed.
//  3. The head's difference of a metric is the centre of its log ratios to both bases (stats.Centre), a round being one
//     piece of evidence: processes differ by more than their slices do. Base against base again is the A/A calibration:
//     what it shows is the floor, below which no difference is believed, and where it is sure of a difference, nothing is.
//  4. The time is divided among the experiments by the plan. Four times on the way all metrics are judged (Procedure):
//     p-values are corrected over the family by Holm, and each look gets its share of the level (stats.Spend). An experiment
//     whose metrics are all decided gets no more time; the others get it.
//  5. What looks different is measured again: the rounds after that look, and none before, must show it too. The last
//     quarter of the time is for nothing else. Only a regression that shows again fails the gate.
//
// The decision knows nothing of processes and clocks: it asks a Source for rounds. The one that measures, one that draws
// recorded rounds anew (the self-test), and one that makes them up (its tests) are decided about by the same code.
//
// Note: sketched on two cores that are shared with others, by how much the ratio of the same program's CPU per handshake
// scatters in 400 handshakes: in turn on all cores 4.5 %, on parted cores 3.9 %, with one processor for each process 5.3 %,
// with 2 or 32 in flight 4.8 and 4.3 %, with a quarter of the garbage collections 4.2 %, in slices of 16 handshakes 3.7 %
// in more time; at once on all cores 5.1 %, since a core is slow for those that are on it; at once on parted cores 1.7 %.
package compare
