package kex

import "strings"

// Nearest returns the entry of valid that is nearest to word, for "did you
// mean" in errors; the first of several, "" only when valid is empty. Case does
// not count.
//
// Distance is the number of runes to insert or delete. A substitution counts
// as both, so that a shortened name ("kyber512") is nearer to the long name it
// stands for than to a short name it has nothing in common with.
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

// distance is len(a) + len(b) less twice the longest common subsequence,
// computed row by row.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return len(a) + len(b) - 2*row[len(b)]
}
