package kex

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/cpu"
)

// A Provider is who computes the KEM half of a hybrid group. The ECDH half is
// crypto/ecdh for all of them.
type Provider string

// The providers.
const (
	Go           Provider = "go"            // crypto/mlkem; has no Kyber round 3
	CIRCLAsm     Provider = "circl-asm"     // CIRCL with the assembly this CPU has
	CIRCLGeneric Provider = "circl-generic" // CIRCL in the same binary, its assembly switched off
)

// Providers returns every provider. The slice is the caller's.
func Providers() []Provider { return []Provider{Go, CIRCLAsm, CIRCLGeneric} }

// ParseProvider returns the provider called s. The error for an unknown name
// carries the nearest valid one.
func ParseProvider(s string) (Provider, error) {
	p := Provider(s)
	if err := p.validate(); err != nil {
		return "", err
	}
	return p, nil
}

func (p Provider) validate() error {
	if slices.Contains(Providers(), p) {
		return nil
	}
	names := make([]string, 0, 3)
	for _, valid := range Providers() {
		names = append(names, string(valid))
	}
	return fmt.Errorf("unknown provider %q%s", string(p), DidYouMean(string(p), names))
}

// Providers returns the providers that compute the KEM of g: nil for a
// classical group, which has none.
func (g Group) Providers() []Provider {
	switch {
	case !g.Hybrid():
		return nil
	case kems[g.KEM].stdlib == nil:
		return []Provider{CIRCLAsm, CIRCLGeneric}
	default:
		return Providers()
	}
}

func (g Group) computedBy(p Provider) error {
	if err := p.validate(); err != nil {
		return err
	}
	if g.Hybrid() && !slices.Contains(g.Providers(), p) {
		return fmt.Errorf("provider %s does not compute %s; use %s or %s", p, g.KEM, CIRCLAsm, CIRCLGeneric)
	}
	return nil
}

// InTLS returns nil when a handshake of crypto/tls in this build can negotiate
// g with its KEM computed by p, and otherwise says what is missing and how to
// get it. The process must also have been fixed on p, see [Fix].
func (g Group) InTLS(p Provider) error {
	if err := g.computedBy(p); err != nil {
		return err
	}
	if g.Hybrid() && p != Go && !Overlay {
		return fmt.Errorf("this build cannot negotiate %s on %s: it lacks the crypto/tls overlay, which `make build` adds", g.Label(), p)
	}
	return nil
}

// cpuHasAVX2 is kept because settle overwrites the original.
var cpuHasAVX2 = cpu.X86.HasAVX2

// process is the choice that a process makes once.
var process struct {
	sync.Mutex
	tls   Provider // "" until Fix
	circl Provider // "" until the first CIRCL key or Fix; which of the two flavours
}

// Fix chooses the provider that computes the KEMs of this process's TLS
// handshakes. It is called once, before the first key; a second call with
// another provider is an error. In a build with the crypto/tls overlay it
// registers the hybrid groups that p computes.
//
// The choice is for good because CIRCL keeps keys in the order of coefficients
// that its assembly prefers: a key generated with assembly and used without
// gives a wrong secret and no error. For the same reason a process that has made
// a key on one CIRCL provider cannot be fixed on the other. Go beside one of the
// two is safe.
func Fix(p Provider) error {
	if err := p.validate(); err != nil {
		return err
	}
	process.Lock()
	defer process.Unlock()
	if process.tls == p {
		return nil
	}
	if process.tls != "" {
		return fmt.Errorf("this process is fixed on provider %s: start another one for %s", process.tls, p)
	}
	if p != Go {
		if err := settleLocked(p); err != nil {
			return err
		}
		if err := register(p); err != nil {
			return fmt.Errorf("register groups of provider %s: %w", p, err)
		}
	}
	process.tls = p
	return nil
}

// Fixed returns the provider that this process's TLS handshakes use: Go
// until [Fix] has been called.
func Fixed() Provider {
	process.Lock()
	defer process.Unlock()
	if process.tls == "" {
		return Go
	}
	return process.tls
}

// settle chooses between CIRCL's flavours, once.
func settle(p Provider) error {
	process.Lock()
	defer process.Unlock()
	return settleLocked(p)
}

// settleLocked switches CIRCL's assembly off for CIRCLGeneric, through the
// exported variable that CIRCL reads at each call.
//
// Note: not GODEBUG=cpu.avx2=off and not -tags purego. Both also slow the
// standard library (SHA-512, ChaCha20, P-256, X25519), and the arms would differ
// in more than the KEM. golang.org/x/crypto reads the variable too, but when it
// is initialized, long before; the standard library has a copy of its own.
//
// Note: CIRCL decides when it is initialized, not at each call, to expand the
// matrix in four lanes. Switched off here, it still does, with four scalar
// permutations in turn: the same permutations as without AVX2, in another order.
// A difference, if there is one, was lost in the noise of the machine it was
// looked for on.
func settleLocked(p Provider) error {
	if process.circl == p {
		return nil
	}
	if process.circl != "" {
		return fmt.Errorf("this process computes with %s: start another one for %s", process.circl, p)
	}
	process.circl = p
	cpu.X86.HasAVX2 = cpuHasAVX2 && p == CIRCLAsm
	return nil
}

// ProviderNote says what p amounts to on this CPU and in this build, for people
// to read beside its numbers.
func ProviderNote(p Provider) string {
	if p == Go {
		return "crypto/mlkem: no assembly of its own, SHA-3 as the CPU allows"
	}
	return circlNote(p, runtime.GOARCH, cpuHasAVX2)
}

func circlNote(p Provider, goarch string, avx2 bool) string {
	switch {
	case pureGo || goarch != "amd64" && goarch != "arm64":
		return "no assembly in this build: both circl providers are the same code"
	case goarch == "arm64" && p == CIRCLAsm:
		return "NEON (partial: polynomial addition and subtraction)"
	case goarch == "arm64":
		return "NEON (partial) cannot be switched off: same code as circl-asm"
	case p == CIRCLAsm && avx2:
		return "AVX2"
	case p == CIRCLAsm:
		return "no AVX2 on this CPU: same code as circl-generic"
	case avx2:
		return "AVX2 switched off for the KEM alone"
	default:
		return "no AVX2 on this CPU"
	}
}
