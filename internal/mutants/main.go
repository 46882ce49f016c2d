// Command mutants changes the code in small ways and reports which changes no test notices.
//
// It picks a sample of the changes by a seed and tests each with an overlay, so the files stay as they are. A change is noticed if a
// test fails or does not end. Changes that do not compile are not counted. Run it in the folder of the module:
//
//	go run ./internal/mutants -n 150 -seed 1
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	number := flag.Int("n", 150, "how many changes to test; 0 for all")
	seed := flag.Uint64("seed", 1, "the seed of the sample")
	skip := flag.Int("skip", 0, "leave out this many changes at the beginning of the sample, for example those of an interrupted run")
	match := flag.String("match", "", "only changes whose description contains this")
	timeout := flag.Duration("timeout", 3*time.Minute, "the time limit of a test run")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{".", "./internal/...", "./bigvtest"}
	}
	files, err := listFiles(patterns)
	if err != nil {
		log.Fatal(err)
	}
	var mutants []mutant
	for _, file := range files {
		found, err := findMutants(file)
		if err != nil {
			log.Fatal(err)
		}
		mutants = append(mutants, found...)
	}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !strings.Contains(m.String(), *match) })
	fmt.Printf("%d changes possible, -seed %d\n", len(mutants), *seed)
	rng := rand.New(rand.NewPCG(*seed, 0))
	rng.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	if *number > 0 {
		mutants = mutants[:min(len(mutants), *number+*skip)]
	}
	var noticed, survived int
	for _, m := range mutants[min(*skip, len(mutants)):] {
		began := time.Now()
		outcome, err := m.test(*timeout)
		if err != nil {
			log.Fatal(err)
		}
		switch outcome {
		case "noticed":
			noticed++
		case "survived":
			survived++
		}
		fmt.Printf("%-12s %s (%s)\n", outcome, m, time.Since(began).Round(time.Second))
	}
	fmt.Printf("%d noticed, %d survived: %.1f %% noticed\n", noticed, survived, 100*float64(noticed)/float64(max(1, noticed+survived)))
}

// listFiles returns the files of the packages, without tests.
func listFiles(patterns []string) ([]string, error) {
	format := `{{if ne .Name "main"}}{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}`
	out, err := exec.Command("go", append([]string{"list", "-f", format}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	files := strings.Fields(string(out))
	slices.Sort(files)
	return files, nil
}

// mutant is one change of one file.
type mutant struct {
	file        string
	line        int
	description string
	content     []byte
}

// String returns the place and the description of the change.
func (m mutant) String() string {
	name := m.file
	if wd, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(wd, m.file); err == nil {
			name = relative
		}
	}
	return fmt.Sprintf("%s:%d: %s", name, m.line, m.description)
}

// finder collects the mutants of a file. Each change is made to the tree, printed, and taken back.
type finder struct {
	file    string
	set     *token.FileSet
	tree    *ast.File
	mutants []mutant
}

// findMutants returns the possible changes of a file.
func findMutants(file string) ([]mutant, error) {
	f := &finder{file: file, set: token.NewFileSet()}
	var err error
	if f.tree, err = parser.ParseFile(f.set, file, nil, parser.ParseComments); err != nil {
		return nil, err
	}
	for _, decl := range f.tree.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok && function.Body != nil {
			ast.Inspect(function.Body, func(n ast.Node) bool {
				f.visit(n)
				return true
			})
		}
	}
	return f.mutants, nil
}

// add records the tree as it is now, with a change at a place.
func (f *finder) add(at token.Pos, format string, args ...any) {
	var text bytes.Buffer
	if err := printer.Fprint(&text, f.set, f.tree); err != nil {
		return // the change cannot be printed
	}
	f.mutants = append(f.mutants, mutant{f.file, f.set.Position(at).Line, fmt.Sprintf(format, args...), text.Bytes()})
}

// operators has the operators that replace an operator.
var operators = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
}

// visit adds the possible changes of a node.
func (f *finder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		was, text := n.Op, f.text(n)
		for _, op := range operators[was] {
			n.Op = op
			f.add(n.OpPos, "%s becomes %s in %s", was, op, text)
		}
		n.Op = was
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			was := n.X
			n.X = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: was}} // !!x, which prints well
			f.add(n.Pos(), "! is removed before %s", f.text(was))
			n.X = was
		}
	case *ast.IfStmt:
		was := n.Cond
		for _, value := range []string{"true", "false"} {
			n.Cond = &ast.BinaryExpr{X: &ast.ParenExpr{X: was}, Op: map[string]token.Token{"true": token.LOR, "false": token.LAND}[value],
				Y: ast.NewIdent(value)}
			f.add(n.Pos(), "the condition %s is always %s", f.text(was), value)
		}
		n.Cond = was
	case *ast.BasicLit:
		if value, err := strconv.Atoi(n.Value); err == nil && n.Kind == token.INT {
			was := n.Value
			n.Value = strconv.Itoa(value + 1)
			f.add(n.Pos(), "%s becomes %s", was, n.Value)
			n.Value = was
		}
	case *ast.BlockStmt:
		f.deleteStatements(&n.List)
	case *ast.CaseClause:
		f.deleteStatements(&n.Body)
	case *ast.ReturnStmt:
		for i, result := range n.Results {
			if name, ok := result.(*ast.Ident); ok && (name.Name == "err" || name.Name == "true" || name.Name == "false") {
				other := map[string]string{"err": "nil", "true": "false", "false": "true"}[name.Name]
				n.Results[i] = ast.NewIdent(other)
				f.add(n.Pos(), "%s becomes %s in %s", name.Name, other, "return")
				n.Results[i] = result
			}
		}
	}
}

// deleteStatements deletes each statement that can be missing.
func (f *finder) deleteStatements(list *[]ast.Stmt) {
	was := *list
	for i, statement := range was {
		switch s := statement.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		case *ast.BranchStmt:
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		default:
			continue
		}
		*list = slices.Concat(was[:i], []ast.Stmt{&ast.EmptyStmt{Semicolon: statement.Pos()}}, was[i+1:])
		f.add(statement.Pos(), "without %s", f.text(statement))
	}
	*list = was
}

// text returns the first line of a node.
func (f *finder) text(n ast.Node) string {
	var text bytes.Buffer
	_ = printer.Fprint(&text, f.set, n)
	line, rest, _ := strings.Cut(text.String(), "\n")
	if rest != "" {
		line += " ..."
	}
	return line
}

// test reports whether the tests notice the change.
func (m mutant) test(timeout time.Duration) (outcome string, err error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	changed := filepath.Join(dir, filepath.Base(m.file))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: changed}})
	if err != nil {
		return "", err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := cmp.Or(os.WriteFile(changed, m.content, 0o600), os.WriteFile(overlayFile, overlay, 0o600)); err != nil {
		return "", err
	}
	if !run(time.Hour, "go", "build", "-overlay", overlayFile, "./...") {
		return "not compiled", nil
	}
	for _, packages := range []string{filepath.Dir(m.file), "./..."} { // its own tests notice most changes
		if !run(timeout, "go", "test", "-failfast", "-short", "-vet=off", "-overlay", overlayFile, "-timeout", timeout.String(), packages) {
			return "noticed", nil
		}
	}
	return "survived", nil
}

// run runs a command and reports whether it succeeds in time.
func run(timeout time.Duration, args ...string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timeout+time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited && ctx.Err() == nil {
		log.Fatalf("%v: %v\n%s", args, err, out)
	}
	return err == nil
}
