package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// file is the description, and root the directory of the SDK, both as messages and tools need them.
const (
	file = "api/openapi.yaml"
	root = "../.."
)

// description is api/openapi.yaml.
type description struct {
	document libopenapi.Document
	model    *v3.Document
	node     *yaml.Node // the same as YAML, with line numbers
}

// load reads the description. It fails the test if the description is not OpenAPI at all.
func load(t *testing.T) description {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	document, err := libopenapi.NewDocument(text)
	require.NoError(t, err, file)
	model, err := document.BuildV3Model()
	require.NoError(t, err, file)
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &node))
	return description{document, &model.Model, node.Content[0]}
}

// member returns a member of a mapping, or nil.
func member(node *yaml.Node, name string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// at returns the node below node with these names, or nil.
func at(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		node = member(node, name)
	}
	return node
}

// members calls f with each member of a mapping, in order.
func members(node *yaml.Node, f func(key, value *yaml.Node)) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(node.Content); i += 2 {
		f(node.Content[i], node.Content[i+1])
	}
}

// text returns the value of a scalar, or an empty string.
func text(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

// texts returns the values of a sequence of scalars.
func texts(node *yaml.Node) (list []string) {
	if node != nil {
		for _, element := range node.Content {
			list = append(list, element.Value)
		}
	}
	return list
}

// place returns where a node is, for messages: api/openapi.yaml:12.
func place(node *yaml.Node) string { return fmt.Sprintf("%s:%d", file, node.Line) }

// resolve follows the reference of a node, if it is one.
func (d description) resolve(node *yaml.Node) *yaml.Node {
	for member(node, "$ref") != nil {
		node = at(d.node, strings.Split(strings.TrimPrefix(text(member(node, "$ref")), "#/"), "/")...)
	}
	return node
}

// methods are the HTTP methods that the description uses, as it spells them.
var methods = map[string]bool{"get": true, "post": true, "put": true, "delete": true}

// operation is one operation of the description.
type operation struct {
	method, path string // path with its placeholders
	node         *yaml.Node
}

// String returns the operation as "GET /discs/{disc}".
func (o operation) String() string { return o.method + " " + o.path }

// operations returns all operations.
func (d description) operations() (list []operation) {
	members(member(d.node, "paths"), func(path, item *yaml.Node) {
		members(item, func(method, node *yaml.Node) {
			if methods[method.Value] {
				list = append(list, operation{strings.ToUpper(method.Value), path.Value, node})
			}
		})
	})
	return list
}
