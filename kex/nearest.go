package kex

import "strings"

// Nearest returns the entry of valid that is nearest to word, for "did you
// mean" in errors; the first of several, "" only when valid is empty. Case does
// not count.
//
// Nearness is an edit distance in which a letter left out costs one, a letter
// too many two, and a wrong letter both: so a shortened name ("kyber512") is
// nearer to the long name that it is a part of than to a short one that it
// shares two letters with.
func Nearest(word string, valid []string) string {
	nearest, least := "", -1
	for _, candidate := range valid {
		d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(candidate)))
		if least < 0 || d < least {
			nearest, least = candidate, d
		}
	}
	return nearest
}

// distance follows from the longest common subsequence of word and name: what
// word has beyond it is too many, what name has beyond it was left out.
func distance(word, name []rune) int {
	common := make([]int, len(name)+1) // one row of the table, over the prefixes of name
	for _, x := range word {
		diagonal := 0
		for j, y := range name {
			above := common[j+1]
			if x == y {
				common[j+1] = diagonal + 1
			} else {
				common[j+1] = max(above, common[j])
			}
			diagonal = above
		}
	}
	longest := common[len(name)]
	return 2*(len(word)-longest) + len(name) - longest
}
