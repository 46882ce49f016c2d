package verify

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// loadPackage returns a package of the SDK, with its types.
func loadPackage(t *testing.T, path string) *packages.Package {
	t.Helper()
	mode := packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo |
		packages.NeedImports
	list, err := packages.Load(&packages.Config{Mode: mode, Dir: root, Context: t.Context()}, path)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, list[0].Errors)
	return list[0]
}

// position returns where something of a package of the SDK is, as file:line.
func position(t *testing.T, pkg *packages.Package, pos token.Pos) string {
	t.Helper()
	directory, err := filepath.Abs(root)
	require.NoError(t, err)
	at := pkg.Fset.Position(pos)
	name, err := filepath.Rel(directory, at.Filename)
	require.NoError(t, err)
	return fmt.Sprintf("%s:%d", name, at.Line)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// TestRoutesAreThoseOfBigvtest requires that the operations of the description and the routes of bigvtest are the same. The names of
// their placeholders may differ.
func TestRoutesAreThoseOfBigvtest(t *testing.T) {
	routes := map[string]string{} // each with its place
	pkg := loadPackage(t, "./bigvtest")
	for _, f := range pkg.Syntax {
		for _, declaration := range f.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				value := spec.(*ast.ValueSpec)
				if !strings.HasSuffix(value.Names[0].Name, "Routes") || len(value.Values) != 1 {
					continue
				}
				literal, ok := value.Values[0].(*ast.CompositeLit)
				if !ok || pkg.TypesInfo.TypeOf(literal).String() != "map[string]"+pkg.PkgPath+".handler" {
					continue
				}
				for _, element := range literal.Elts {
					key := element.(*ast.KeyValueExpr).Key
					route := constant.StringVal(pkg.TypesInfo.Types[key].Value)
					routes[placeholder.ReplaceAllString(route, "{}")] = position(t, pkg, key.Pos())
				}
			}
		}
	}
	require.Greater(t, len(routes), 50)
	for _, o := range load(t).operations() {
		route := placeholder.ReplaceAllString(o.String(), "{}")
		if routes[route] == "" {
			t.Errorf("%s: bigvtest has no route for %s", place(o.node), o)
		}
		delete(routes, route)
	}
	for route, where := range routes {
		t.Errorf("%s: %s has no operation for %s", where, file, route)
	}
}
