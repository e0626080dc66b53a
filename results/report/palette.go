package report

import (
	"image/color"
	"slices"

	"pqbench/results"
)

// The colours are Okabe and Ito's, which people with any kind of colour vision tell apart ("Color Universal Design",
// 2008), and two of Tol's where theirs run out. A group has the same colour in every plot of every run. Classical
// groups are grey: they are what the others are compared with.
var groupColors = map[string]color.NRGBA{
	"X25519":                         hex(0x4d4d4d),
	"secp256r1":                      hex(0x8c8c8c),
	"secp384r1":                      hex(0xb5b5b5),
	"X25519Kyber512Draft00":          hex(0x56b4e9),
	"X25519Kyber768Draft00":          hex(0x0072b2),
	"X25519Kyber768Draft00 (0x6399)": hex(0x0072b2),
	"X25519Kyber768Draft00 (0xfe31)": hex(0x332288),
	"P256Kyber768Draft00":            hex(0x009e73),
	"X25519MLKEM768":                 hex(0xd55e00),
	"SecP256r1MLKEM768":              hex(0xe69f00),
	"SecP384r1MLKEM1024":             hex(0xcc79a7),
	"X25519MLKEM768+X25519":          hex(0x882255),
}

// spareColors are for offers that have none of their own.
var spareColors = []color.NRGBA{hex(0x999933), hex(0x44aa99), hex(0xaa4499), hex(0x117733)}

var (
	ink   = hex(0x1a1a1a)
	faint = hex(0x666666)
	grid  = hex(0xdddddd)
	paper = hex(0xffffff)
)

func hex(rgb uint32) color.NRGBA {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff}
}

// A palette gives the groups of a run their colours.
type palette map[string]color.NRGBA

// newPalette gives spare colours in the order of the names, so that they are the same in all plots of a run.
func newPalette(m results.Manifest) palette {
	p := palette{}
	var unknown []string
	for _, a := range m.Arms {
		label := colorLabel(a.Arm)
		if c, ok := groupColors[label]; ok {
			p[label] = c
		} else if !slices.Contains(unknown, label) {
			unknown = append(unknown, label)
		}
	}
	slices.Sort(unknown)
	for i, label := range unknown {
		p[label] = spareColors[i%len(spareColors)]
	}
	return p
}

// colorLabel is what decides an arm's colour: the group alone, also when it is the control again.
func colorLabel(a results.Arm) string {
	a.AA = false
	return groupLabel(a)
}

// of is the arm's colour.
func (p palette) of(a results.Arm) color.NRGBA { return p[colorLabel(a)] }

// tint mixes a colour with white: 0 leaves it, 1 is white.
func tint(c color.NRGBA, white float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(float64(v) + (255-float64(v))*white + 0.5) }
	return color.NRGBA{R: mix(c.R), G: mix(c.G), B: mix(c.B), A: c.A}
}

// providerTints tell providers apart within the colour of their group.
var providerTints = map[string]float64{"": 0, "circl-asm": 0, "go": 0.42, "circl-generic": 0.74}
