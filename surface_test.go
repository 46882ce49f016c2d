package bigv_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	gotoken "go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/api.txt")

const surfaceFile = "testdata/api.txt"

// publicPackages are the packages that programs import, with their directories.
var publicPackages = []struct{ name, dir string }{{"bigv", "."}, {"bigvtest", "bigvtest"}, {"api", "api"}}

// entry is one exported declaration, field or method.
type entry struct {
	line       string // as in testdata/api.txt
	documented bool
	at         string // file:line:column
}

// TestAPISurface compares the exported API with testdata/api.txt, so that no change goes unnoticed.
func TestAPISurface(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, e := range exported(t) {
		lines = append(lines, e.line)
	}
	slices.Sort(lines)
	text := strings.Join(lines, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(surfaceFile, []byte(text), 0o644))
	}
	recorded, err := os.ReadFile(surfaceFile)
	require.NoError(t, err)
	diff := difference(strings.Split(strings.TrimSpace(string(recorded)), "\n"), lines)
	if len(diff) > 0 {
		t.Errorf("%s: run: go test -run TestAPISurface -update . (and describe the change in CHANGELOG.md); differences: %d, such as %s",
			surfaceFile, len(diff), strings.Join(diff[:min(len(diff), 3)], "; "))
	}
}

// TestEverythingExportedHasAComment requires a comment on each exported declaration, field and method. Within a block of constants,
// variables or fields, a comment also covers the lines directly below its line.
func TestEverythingExportedHasAComment(t *testing.T) {
	t.Parallel()
	for _, e := range exported(t) {
		if !e.documented {
			t.Errorf("%s: add a comment to %s, then run: go test -run TestAPISurface -update .", e.at, e.line)
		}
	}
}

// services returns the names of the services, from the types of package bigv: "Discs" for DiscsService.
func services(t *testing.T) (names []string) {
	t.Helper()
	for _, e := range exported(t) {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(e.line, "bigv: type "), "Service struct"); ok {
			names = append(names, name)
		}
	}
	require.Contains(t, names, "Discs")
	return names
}

// TestEachServiceHasAnExample requires a runnable example of each service, in any test file.
func TestEachServiceHasAnExample(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var examples strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		examples.Write(text)
	}
	for _, name := range services(t) {
		if !strings.Contains(examples.String(), "\nfunc Example"+name+"Service_") {
			t.Errorf("%s_test.go: add an example of the service: func Example%sService_Get, or of another method", snakeCase(name), name)
		}
	}
}

// TestClientHasEachService requires that each service is a field of Client. TestMain requires that the field is set.
func TestClientHasEachService(t *testing.T) {
	t.Parallel()
	for _, name := range services(t) {
		if _, ok := reflect.TypeFor[bigv.Client]().FieldByName(name); !ok {
			t.Errorf("client.go: add a field to Client: %s *%sService", name, name)
		}
	}
}

// difference returns the lines that are only in before, with a minus sign, and those that are only in after, with a plus sign.
func difference(before, after []string) (diff []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			diff = append(diff, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			diff = append(diff, "+ "+line)
		}
	}
	return diff
}

// exported returns everything that the public packages export.
func exported(t *testing.T) (entries []entry) {
	t.Helper()
	for _, p := range publicPackages {
		files, err := filepath.Glob(filepath.Join(p.dir, "*.go"))
		require.NoError(t, err)
		fset := gotoken.NewFileSet()
		before := len(entries)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			s := surface{fset: fset, prefix: p.name + ": "}
			for _, decl := range parsed.Decls {
				s.decl(decl)
			}
			entries = append(entries, s.entries...)
		}
		require.Greater(t, len(entries), before, "%s exports nothing", p.name)
	}
	return entries
}

// surface collects the exported declarations of a file.
type surface struct {
	fset    *gotoken.FileSet
	prefix  string
	entries []entry
}

// add adds an entry.
func (s *surface) add(at ast.Node, documented bool, format string, args ...any) {
	line := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	s.entries = append(s.entries, entry{s.prefix + line, documented, s.fset.Position(at.Pos()).String()})
}

// source returns the source of a node as gofmt writes it.
func (s *surface) source(node any) string {
	var b strings.Builder
	if err := printer.Fprint(&b, s.fset, node); err != nil {
		return err.Error()
	}
	return b.String()
}

// decl adds a declaration.
func (s *surface) decl(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() {
			return
		}
		receiver := ""
		if d.Recv != nil {
			if receiver = s.source(d.Recv.List[0].Type); !ast.IsExported(strings.TrimLeft(receiver, "*")) {
				return
			}
			receiver = "(" + receiver + ") "
		}
		signature := strings.TrimPrefix(s.source(&ast.FuncDecl{Name: ast.NewIdent(d.Name.Name), Type: d.Type}), "func ")
		s.add(d, d.Doc != nil, "func %s%s", receiver, signature)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.typeSpec(spec, d.Doc != nil)
			case *ast.ValueSpec:
				s.values(d, spec)
			}
		}
	}
}

// values adds constants or variables. The value of a constant is part of the API, that of a variable is not.
func (s *surface) values(d *ast.GenDecl, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		kind := ""
		if spec.Type != nil {
			kind = " " + s.source(spec.Type)
		}
		value := ""
		if d.Tok == gotoken.CONST && i < len(spec.Values) {
			value = " = " + s.source(spec.Values[i])
		}
		s.add(name, d.Doc != nil || spec.Doc != nil || spec.Comment != nil, "%s %s%s%s", d.Tok, name.Name, kind, value)
	}
}

// typeSpec adds a type with its members.
func (s *surface) typeSpec(spec *ast.TypeSpec, blockDocumented bool) {
	if !spec.Name.IsExported() {
		return
	}
	name, parameters := spec.Name.Name, ""
	if spec.TypeParams != nil {
		for _, field := range spec.TypeParams.List {
			parameters += " " + s.source(field.Names[0]) + " " + s.source(field.Type)
		}
		parameters = "[" + strings.TrimSpace(parameters) + "]"
	}
	documented := spec.Doc != nil || spec.Comment != nil || blockDocumented
	equals := ""
	if spec.Assign.IsValid() {
		equals = "= "
	}
	switch kind := spec.Type.(type) {
	case *ast.StructType:
		s.add(spec, documented, "type %s%s %sstruct", name, parameters, equals)
		s.members(name, "field", kind.Fields)
	case *ast.InterfaceType:
		s.add(spec, documented, "type %s%s %sinterface", name, parameters, equals)
		s.members(name, "method", kind.Methods)
	default:
		s.add(spec, documented, "type %s%s %s%s", name, parameters, equals, s.source(spec.Type))
	}
}

// members adds the fields of a struct or the methods of an interface. A field shares the comment of the field directly above it.
func (s *surface) members(owner, what string, list *ast.FieldList) {
	above, lastLine := false, 0
	for _, field := range list.List {
		first := s.fset.Position(field.Pos()).Line
		if field.Doc != nil {
			first = s.fset.Position(field.Doc.Pos()).Line
		}
		if first > lastLine+1 {
			above = false
		}
		lastLine = s.fset.Position(field.End()).Line
		documented := field.Doc != nil || field.Comment != nil || above
		above = field.Doc != nil || above
		tag := ""
		if field.Tag != nil {
			tag = " " + field.Tag.Value
		}
		if len(field.Names) == 0 { // embedded
			kind := s.source(field.Type)
			if ast.IsExported(strings.TrimLeft(kind[strings.LastIndex(kind, ".")+1:], "*")) {
				s.add(field, documented, "%s %s.%s%s", what, owner, kind, tag)
			}
			continue
		}
		for _, name := range field.Names {
			if name.IsExported() {
				kind := " " + s.source(field.Type)
				if what == "method" {
					kind = strings.TrimPrefix(kind, " func")
				}
				s.add(name, documented, "%s %s.%s%s%s", what, owner, name.Name, kind, tag)
			}
		}
	}
}

// TestSurface checks with a small file that each kind of declaration is found, and whether it has a comment.
func TestSurface(t *testing.T) {
	t.Parallel()
	const source = `package p
// Documented.
type T struct {
	A int // one
	B int
	hidden int
	// C and D go together.
	C int
	D string ` + "`json:\"d\"`" + `

	E int
}
type U int
// M.
func (t *T) M(a, b int) error { return nil }
func F[X any](x X) {}
func (h hidden) G() {}
const K = 3
// V.
var V = 4
// I.
type I interface {
	N() int // n
}
`
	fset := gotoken.NewFileSet()
	parsed, err := parser.ParseFile(fset, "p.go", source, parser.ParseComments)
	require.NoError(t, err)
	s := surface{fset: fset}
	for _, decl := range parsed.Decls {
		s.decl(decl)
	}
	seen := map[string]bool{}
	for _, e := range s.entries {
		seen[e.line] = e.documented
	}
	assert.Equal(t, map[string]bool{
		"type T struct": true, "field T.A int": true, "field T.B int": false, "field T.C int": true,
		"field T.D string `json:\"d\"`": true, "field T.E int": false,
		"type U int": false, "func (*T) M(a, b int) error": true, "func F[X any](x X)": false,
		"const K = 3": false, "var V": true, "type I interface": true, "method I.N() int": true,
	}, seen)
	assert.Equal(t, []string{"- a", "+ c"}, difference([]string{"a", "b"}, []string{"b", "c"}))
}
