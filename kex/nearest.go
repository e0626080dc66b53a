package kex

import (
	"fmt"
	"strings"
)

// DidYouMean is ` (did you mean "X25519"?)` with the entry of valid that is
// nearest to word, for the end of an error; "" where none is near.
func DidYouMean(word string, valid []string) string {
	if near := Nearest(word, valid); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// Nearest returns the entry of valid that is nearest to word, the first of
// several; "" where none has half of its letters in their order. Case does not
// count.
//
// Nearness is an edit distance in which a letter left out costs one, a letter
// too many two, and a wrong letter both: so a shortened name ("kyber512") is
// nearer to the long name that it is a part of than to a short one that it
// shares two letters with.
func Nearest(word string, valid []string) string {
	nearest, least := "", -1
	for _, candidate := range valid {
		letters := []rune(strings.ToLower(word))
		d, common := distance(letters, []rune(strings.ToLower(candidate)))
		if 2*common >= len(letters) && (least < 0 || d < least) {
			nearest, least = candidate, d
		}
	}
	return nearest
}

// distance follows from the longest common subsequence of word and name, whose
// length it gives, too: what word has beyond it is too many, what name has
// beyond it was left out.
func distance(word, name []rune) (d, longest int) {
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
	longest = common[len(name)]
	return 2*(len(word)-longest) + len(name) - longest, longest
}
