package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
)

// An edit changes one function of a source file. The function's name and exact
// signature are its anchor: when Go changes either, what the edit assumes about
// the body may be wrong too, so the edit refuses instead of guessing.
type edit struct {
	file      string // base name in the package's folder
	recv      string // receiver type, "" for a function
	name      string
	signature string // as go/types prints it, without receiver
	call      string // callee whose only call is replaced; "" to insert before the body
	text      string // on one line, so that line numbers stay those of Go's source
}

// editedFiles lists the files that edits touch, each once, in order.
func editedFiles(edits []edit) []string {
	var files []string
	for _, e := range edits {
		if !slices.Contains(files, e.file) {
			files = append(files, e.file)
		}
	}
	return files
}

// A splice replaces src[from:to] by text.
type splice struct {
	from, to int
	text     string
}

// applyEdits returns src, the content of file, with those of edits applied that
// name it. It fails when an anchor is missing or found more than once.
func applyEdits(file string, src []byte, edits []edit) ([]byte, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read anchors: %w", err)
	}
	var splices []splice
	for _, e := range edits {
		if e.file != file {
			continue
		}
		s, err := e.locate(fset.File(tree.Package), tree)
		if err != nil {
			return nil, fmt.Errorf("anchor %s in %s: %w", e, file, err)
		}
		splices = append(splices, s)
	}
	slices.SortFunc(splices, func(a, b splice) int { return a.from - b.from })
	var out []byte
	end := 0
	for _, s := range splices {
		out = append(append(out, src[end:s.from]...), s.text...)
		end = s.to
	}
	return append(out, src[end:]...), nil
}

// String names the anchor for an error message.
func (e edit) String() string {
	name := e.name
	if e.recv != "" {
		name = "(" + e.recv + ")." + name
	}
	if e.call != "" {
		return "func " + name + ", call of " + e.call
	}
	return "func " + name
}

// locate turns the edit into byte offsets of file.
func (e edit) locate(file *token.File, tree *ast.File) (splice, error) {
	fn, err := e.function(tree)
	if err != nil {
		return splice{}, err
	}
	if e.call == "" {
		at := file.Offset(fn.Body.Lbrace) + 1
		return splice{at, at, e.text}, nil
	}
	calls := callsOf(fn.Body, e.call)
	if len(calls) != 1 {
		return splice{}, countError(len(calls))
	}
	return splice{file.Offset(calls[0].Pos()), file.Offset(calls[0].End()), e.text}, nil
}

func (e edit) function(tree *ast.File) (*ast.FuncDecl, error) {
	var found []*ast.FuncDecl
	for _, decl := range tree.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if ok && fn.Name.Name == e.name && receiver(fn) == e.recv {
			found = append(found, fn)
		}
	}
	if len(found) != 1 {
		return nil, countError(len(found))
	}
	fn := found[0]
	if got := types.ExprString(fn.Type); got != e.signature {
		return nil, fmt.Errorf("has signature %q, want %q", got, e.signature)
	}
	// The text of an edit names the receiver of crypto/tls, c.
	if e.recv != "" && (len(fn.Recv.List[0].Names) != 1 || fn.Recv.List[0].Names[0].Name != "c") {
		return nil, fmt.Errorf("receiver is not named c")
	}
	if fn.Body == nil {
		return nil, fmt.Errorf("has no body")
	}
	return fn, nil
}

// countError explains why an anchor found n times cannot be used.
func countError(n int) error {
	if n == 0 {
		return fmt.Errorf("missing")
	}
	return fmt.Errorf("ambiguous: found %d times", n)
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	return types.ExprString(fn.Recv.List[0].Type)
}

// callsOf finds the calls of a package-level function without arguments.
func callsOf(body ast.Node, name string) []*ast.CallExpr {
	var calls []*ast.CallExpr
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 0 {
			return true
		}
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == name {
			calls = append(calls, call)
		}
		return true
	})
	return calls
}
