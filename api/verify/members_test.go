package verify

import (
	"fmt"
	"go/ast"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/go/packages"
)

// elsewhere are members of the SDK's types that are in no schema of the type, and why.
var elsewhere = map[string]string{
	"VirtualMachineCreate.discs":      "sent beside virtual_machine",
	"VirtualMachineCreate.reimage":    "sent beside virtual_machine",
	"VirtualMachineCreate.ips":        "sent beside virtual_machine",
	"Backup.Disc":                     "the schema has that of Disc in allOf",
	"createResponse.VirtualMachine":   "read from responses without the wrapper",
	"definitionsResponse.Definitions": "the response is a list: see x-go-members",
	"PrivilegeGrant.account":          "sent as account_id",
	"PrivilegeGrant.group":            "sent as group_id",
	"PrivilegeGrant.virtual_machine":  "sent as virtual_machine_id",
}

// goMember is a member of the JSON form of a struct.
type goMember struct {
	name  string
	kind  types.Type
	where string // file:line
}

// goMembers returns the members of each struct of package bigv that has json tags, with those of embedded structs.
func goMembers(t *testing.T, pkg *packages.Package) map[string][]goMember {
	t.Helper()
	found := map[string][]goMember{}
	for _, name := range pkg.Types.Scope().Names() {
		declared, ok := pkg.Types.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			continue
		}
		if list := structMembers(t, pkg, name, declared.Type()); len(list) > 0 {
			found[name] = list
		}
	}
	require.Greater(t, len(found), 40)
	return found
}

// structMembers returns the members of a struct and of its embedded structs, except those in elsewhere.
func structMembers(t *testing.T, pkg *packages.Package, owner string, kind types.Type) (list []goMember) {
	t.Helper()
	structure, ok := kind.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var untagged []goMember // their fields name them
	for i := range structure.NumFields() {
		field := structure.Field(i)
		name, _, _ := strings.Cut(reflect.StructTag(structure.Tag(i)).Get("json"), ",")
		switch {
		case field.Embedded() && name == "" && elsewhere[owner+"."+field.Name()] == "":
			list = append(list, structMembers(t, pkg, field.Name(), field.Type())...)
		case name != "" && name != "-":
			list = append(list, goMember{name, field.Type(), position(t, pkg, field.Pos())})
		case name == "" && field.Exported():
			untagged = append(untagged, goMember{field.Name(), field.Type(), position(t, pkg, field.Pos())})
		}
	}
	if len(list) > 0 { // without any tag, the struct has no JSON form
		list = append(list, untagged...)
	}
	return list
}

// schema is a schema of the description that has x-go.
type schema struct {
	name       string
	node       *yaml.Node
	goTypes    []string
	properties map[string]*yaml.Node // nil if the member has no schema of its own: see x-go-members
	keys       map[string]*yaml.Node // where they are
}

func (d description) schemas() (list []schema) {
	members(at(d.node, "components", "schemas"), func(name, node *yaml.Node) {
		s := schema{name.Value, node, texts(member(node, "x-go")), map[string]*yaml.Node{}, map[string]*yaml.Node{}}
		if len(s.goTypes) == 0 {
			return
		}
		if id := text(member(node, "x-go-members")); id != "" { // the members are the values of this property
			for _, branch := range member(node, "anyOf").Content {
				enum := at(branch, "properties", id, "enum")
				if enum == nil {
					continue
				}
				for _, value := range enum.Content {
					s.properties[value.Value], s.keys[value.Value] = at(branch, "properties", "data"), value
				}
			}
		} else {
			members(properties(node), func(key, value *yaml.Node) {
				s.properties[key.Value], s.keys[key.Value] = value, key
			})
		}
		list = append(list, s)
	})
	return list
}

// properties returns the properties of a schema that are its own: those of the part of allOf that has some, if it has allOf.
func properties(schema *yaml.Node) *yaml.Node {
	if parts := member(schema, "allOf"); parts != nil {
		for _, part := range parts.Content {
			if own := member(part, "properties"); own != nil {
				return own
			}
		}
	}
	return member(schema, "properties")
}

// TestMembersAreThoseOfTheSDK requires that the members of the SDK's types and of the schemas that name them in x-go are the same, and
// that their types agree. A schema with several types has the members of all of them.
func TestMembersAreThoseOfTheSDK(t *testing.T) {
	d := load(t)
	pkg := loadPackage(t, ".")
	goTypes := goMembers(t, pkg)
	named, missing := map[string]bool{}, map[string]bool{}
	for _, s := range d.schemas() {
		inGo := map[string]bool{}
		for _, name := range s.goTypes {
			named[name] = true
			if goTypes[name] == nil && !hasOwnJSON[name] {
				t.Errorf("%s: schema %s: package bigv has no type %s with json tags", place(s.node), s.name, name)
			}
			for _, m := range goTypes[name] {
				inGo[m.name] = true
				property, ok := s.properties[m.name]
				key := name + "." + m.name
				switch {
				case !ok && elsewhere[key] != "":
					missing[key] = true
				case !ok:
					t.Errorf("%s: bigv.%s is not in %s: add it to #/components/schemas/%s/properties", m.where, key, place(s.node), s.name)
				case !d.agrees(property, m.kind):
					t.Errorf("%s: bigv.%s is %s, and %s: #/components/schemas/%s/properties/%s is %s", m.where, key,
						types.TypeString(m.kind, types.RelativeTo(pkg.Types)), place(s.keys[m.name]), s.name, m.name, d.typeOf(property))
				}
			}
		}
		for name, property := range s.properties {
			reason := text(member(property, "x-not-in-sdk")) + text(member(d.resolve(property), "x-not-in-sdk"))
			if !inGo[name] && reason == "" {
				t.Errorf("%s: #/components/schemas/%s/properties/%s is in none of %s",
					place(s.keys[name]), s.name, name, goPlaces(s, goTypes))
			} else if inGo[name] && reason != "" {
				t.Errorf("%s: remove x-not-in-sdk: the SDK has %s.%s", place(s.keys[name]), s.name, name)
			}
		}
	}
	for name, list := range goTypes {
		if !named[name] {
			t.Errorf("%s: bigv.%s is in no x-go of %s", list[0].where, name, file)
		}
	}
	for key := range elsewhere {
		if _, field, _ := strings.Cut(key, "."); !missing[key] && !ast.IsExported(field) {
			t.Errorf("api/verify/members_test.go: remove %s from elsewhere: it is in its schema, or not in the SDK", key)
		}
	}
}

// hasOwnJSON are types that implement their JSON form with another type, which is named beside them.
var hasOwnJSON = map[string]bool{"VMDefault": true}

// goPlaces returns the types of a schema, and where they are.
func goPlaces(s schema, goTypes map[string][]goMember) string {
	var list []string
	for _, name := range s.goTypes {
		if m := goTypes[name]; m != nil {
			list = append(list, fmt.Sprintf("bigv.%s (%s)", name, m[0].where))
		}
	}
	return strings.Join(list, ", ")
}

// typeOf returns the type of a property, without null: "string", "array of integer", or "" for any.
func (d description) typeOf(property *yaml.Node) string {
	schema := d.resolve(property)
	name := text(member(schema, "type"))
	if kind := member(schema, "type"); kind != nil && kind.Kind == yaml.SequenceNode {
		name = strings.Join(slices.DeleteFunc(texts(kind), func(name string) bool { return name == "null" }), " or ")
	}
	switch {
	case name == "array":
		return strings.TrimSuffix("array of "+d.typeOf(member(schema, "items")), " of ")
	case name == "object" && member(schema, "x-go") != nil:
		return strings.Join(texts(member(schema, "x-go")), " or ")
	}
	return name
}

// agrees reports whether a Go type is that of a property. An object is of one of the types of its schema, if that names some.
func (d description) agrees(property *yaml.Node, kind types.Type) bool {
	prefix, names := "", d.typeOf(property)
	if strings.HasPrefix(names, "array of ") {
		prefix, names = "array of ", strings.TrimPrefix(names, "array of ")
	}
	for name := range strings.SplitSeq(names, " or ") {
		if got := goType(kind); got == strings.TrimSuffix(prefix+name, " of ") {
			return true
		}
	}
	return false
}

// goType returns the JSON type of a Go type, or "" for any.
func goType(kind types.Type) string {
	if pointer, ok := kind.(*types.Pointer); ok {
		return goType(pointer.Elem())
	}
	if named, ok := types.Unalias(kind).(*types.Named); ok {
		switch named.Obj().Name() {
		case "Nullable":
			return goType(named.TypeArgs().At(0))
		case "RawMessage", "Value": // the first is an alias of the second as of Go 1.27
			return ""
		case "Secret", "Timestamp", "Addr", "AccountPath", "GroupPath", "VirtualMachinePath":
			return "string"
		}
	}
	switch underlying := kind.Underlying().(type) {
	case *types.Basic:
		switch {
		case underlying.Info()&types.IsBoolean != 0:
			return "boolean"
		case underlying.Info()&types.IsInteger != 0:
			return "integer"
		default:
			return "string"
		}
	case *types.Slice:
		return strings.TrimSuffix("array of "+goType(underlying.Elem()), " of ")
	case *types.Struct:
		if named, ok := types.Unalias(kind).(*types.Named); ok {
			return named.Obj().Name()
		}
	}
	return "object"
}
