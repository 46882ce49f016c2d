package verify

import (
	"bytes"
	"encoding/json"
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite api/openapi.html")

// TestPageIsCurrent compares api/openapi.html with the page that is rendered from the description.
func TestPageIsCurrent(t *testing.T) {
	pattern, err := template.ParseFiles("page.tmpl")
	require.NoError(t, err)
	var rendered bytes.Buffer
	require.NoError(t, pattern.Execute(&rendered, load(t).page(t)))
	name := filepath.Join(root, "api", "openapi.html")
	if *update {
		require.NoError(t, os.WriteFile(name, rendered.Bytes(), 0o644))
	}
	have, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(have, rendered.Bytes()) {
		t.Error("api/openapi.html: run: go -C api/verify test -run TestPageIsCurrent -update")
	}
}

// The types below are what page.tmpl shows.
type (
	page struct {
		Title, Summary string
		Paragraphs     []string
		Servers        []string
		Tags           []pageTag
		Schemas        []pageSchema
	}
	pageTag struct {
		Name, Description string
		Operations        []pageOperation
	}
	pageOperation struct {
		ID, Method, Path, Summary, Description string
		Deprecated, Anonymous                  bool
		Why                                    string // of x-unverified; empty if there is none
		Parameters                             []pageMember
		Body                                   *pageBody
		Responses                              []pageResponse
	}
	pageBody struct {
		Type    pageType
		Example string
	}
	pageResponse struct {
		Status, Description, Why string
		Type                     pageType
		Examples                 []pageExample
	}
	pageExample struct{ Summary, Text string }
	pageSchema  struct {
		Name, Description string
		Base              pageType // the schema that it extends
		Members           []pageMember
	}
	pageMember struct {
		Name, In, Description, Why string
		Required                   bool
		Type                       pageType
	}
	// pageType is a type such as "array of Disc", whose last word may be the name of a schema.
	pageType struct{ Text, Schema string }
)

func (d description) page(t *testing.T) page {
	t.Helper()
	info := member(d.node, "info")
	p := page{
		Title: text(member(info, "title")), Summary: text(member(info, "summary")),
		Paragraphs: strings.Split(text(member(info, "description")), "\n\n"),
	}
	for _, server := range member(d.node, "servers").Content {
		p.Servers = append(p.Servers, text(member(server, "url")))
	}
	operations := d.operations()
	for _, tag := range member(d.node, "tags").Content {
		section := pageTag{Name: text(member(tag, "name")), Description: text(member(tag, "description"))}
		for _, o := range operations {
			if slices.Contains(texts(member(o.node, "tags")), section.Name) {
				section.Operations = append(section.Operations, d.pageOperation(t, o))
			}
		}
		p.Tags = append(p.Tags, section)
	}
	members(at(d.node, "components", "schemas"), func(name, node *yaml.Node) {
		s := pageSchema{Name: name.Value, Description: text(member(node, "description"))}
		required := texts(member(node, "required"))
		if parts := member(node, "allOf"); parts != nil {
			s.Base = d.pageType(parts.Content[0])
		}
		members(properties(node), func(key, property *yaml.Node) {
			m := d.pageMember(key.Value, property, property)
			m.Required = slices.Contains(required, key.Value)
			s.Members = append(s.Members, m)
		})
		p.Schemas = append(p.Schemas, s)
	})
	return p
}

func (d description) pageOperation(t *testing.T, o operation) pageOperation {
	t.Helper()
	shown := pageOperation{
		ID: text(member(o.node, "operationId")), Method: o.method, Path: o.path,
		Summary: text(member(o.node, "summary")), Description: text(member(o.node, "description")),
		Deprecated: member(o.node, "deprecated") != nil, Anonymous: member(o.node, "security") != nil, Why: why(o.node),
	}
	for _, parent := range []*yaml.Node{at(d.node, "paths", o.path), o.node} {
		if parameters := member(parent, "parameters"); parameters != nil {
			for _, parameter := range parameters.Content {
				parameter = d.resolve(parameter)
				m := d.pageMember(text(member(parameter, "name")), parameter, member(parameter, "schema"))
				m.In, m.Required = text(member(parameter, "in")), text(member(parameter, "required")) == "true"
				shown.Parameters = append(shown.Parameters, m)
			}
		}
	}
	if media := at(o.node, "requestBody", "content", "application/json"); media != nil {
		shown.Body = &pageBody{d.pageType(member(media, "schema")), exampleText(t, member(media, "example"))}
	}
	members(member(o.node, "responses"), func(status, node *yaml.Node) {
		node = d.resolve(node)
		response := pageResponse{Status: status.Value, Description: text(member(node, "description")), Why: why(node)}
		if media := at(node, "content", "application/json"); media != nil {
			response.Type = d.pageType(member(media, "schema"))
			members(member(media, "examples"), func(_, example *yaml.Node) {
				example = d.resolve(example)
				response.Examples = append(response.Examples,
					pageExample{text(member(example, "summary")), exampleText(t, member(example, "value"))})
			})
		}
		shown.Responses = append(shown.Responses, response)
	})
	return shown
}

// pageMember returns a parameter or a property with its schema.
func (d description) pageMember(name string, node, schema *yaml.Node) pageMember {
	m := pageMember{Name: name, Description: text(member(node, "description")), Why: why(node), Type: d.pageType(schema)}
	if m.Description == "" {
		m.Description = text(member(d.resolve(schema), "description"))
	}
	return m
}

// why returns the reason of x-unverified.
func why(node *yaml.Node) string { return text(member(node, "x-unverified-why")) }

func (d description) pageType(schema *yaml.Node) pageType {
	if reference := text(member(schema, "$ref")); reference != "" {
		return pageType{Schema: reference[strings.LastIndex(reference, "/")+1:]}
	}
	kind := member(schema, "type")
	switch {
	case kind == nil:
		return pageType{Text: "anything"}
	case kind.Kind == yaml.SequenceNode:
		return pageType{Text: strings.Join(texts(kind), " or ")}
	case kind.Value == "array":
		items := d.pageType(member(schema, "items"))
		return pageType{strings.TrimSpace("array of " + items.Text), items.Schema}
	}
	if enum := texts(member(schema, "enum")); len(enum) > 0 {
		return pageType{Text: strings.Join(enum, ", ")}
	}
	return pageType{Text: kind.Value}
}

// exampleText returns an example as indented JSON.
func exampleText(t *testing.T, node *yaml.Node) string {
	t.Helper()
	if node == nil {
		return ""
	}
	var value any
	require.NoError(t, node.Decode(&value))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(value))
	return strings.TrimSpace(out.String())
}
