package verify

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/jsonschema/v6"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestDocumentIsValid requires valid OpenAPI 3.1.
func TestDocumentIsValid(t *testing.T) {
	d := load(t)
	assert.Equal(t, "3.1.0", d.document.GetVersion())
	v, errs := validator.NewValidator(d.document)
	require.Empty(t, errs)
	_, problems := v.ValidateDocument()
	for _, problem := range problems {
		for _, failure := range problem.SchemaValidationErrors {
			t.Errorf("%s:%d: %s", file, failure.Line, failure.Reason)
		}
		if len(problem.SchemaValidationErrors) == 0 {
			t.Errorf("%s:%d: %s: %s", file, problem.SpecLine, problem.Message, problem.Reason)
		}
	}
}

// TestUnverifiedHasAReason requires one line of why beside each x-unverified, and x-unverified beside each reason.
func TestUnverifiedHasAReason(t *testing.T) {
	count := 0
	walk(load(t).node, "", func(node *yaml.Node, _ string) {
		mark, why := member(node, "x-unverified"), member(node, "x-unverified-why")
		switch {
		case mark == nil && why == nil:
		case text(mark) != "true" || text(why) == "" || strings.Contains(text(why), "\n"):
			t.Errorf("%s: x-unverified: true needs x-unverified-why, with one line", place(node))
		default:
			count++
		}
	})
	assert.Greater(t, count, 30)
}

// TestTextsAreWhole requires that descriptions and reasons are sentences, and that nothing but examples contains null: in YAML,
// a comma in {description: a, b} ends the description, and makes the rest a name without a value.
func TestTextsAreWhole(t *testing.T) {
	walk(load(t).node, "", func(node *yaml.Node, pointer string) {
		if strings.HasPrefix(pointer, "/components/examples/") || strings.Contains(pointer, "/example") {
			return
		}
		members(node, func(key, value *yaml.Node) {
			switch {
			case value.Tag == "!!null":
				t.Errorf("%s: %q has no value: quote the text that it is part of", place(key), key.Value)
			case value.Kind != yaml.ScalarNode: // a property that has the name
			case (key.Value == "description" || key.Value == "x-unverified-why") && !strings.HasSuffix(value.Value, "."):
				t.Errorf("%s: %s does not end with a period: %s", place(key), key.Value, value.Value)
			}
		})
	})
}

// keywords are the keywords of JSON Schema that schemas of the description use. Those that begin with x- are extensions.
var keywords = []string{
	"$ref", "allOf", "anyOf", "const", "description", "enum", "format", "items", "maximum", "minItems", "minLength", "minimum", "not",
	"pattern", "patternProperties", "properties", "readOnly", "required", "title", "type",
}

// schemaPointer matches the JSON pointers of schemas.
var schemaPointer = regexp.MustCompile(
	`^/(components/schemas/[^/]+|.*/schema)(/(properties|patternProperties|allOf|anyOf)/[^/]+|/items|/not)*$`)

// TestSchemasHaveKnownKeywords requires that each member of a schema is a keyword: validators ignore others, such as misspelt ones.
func TestSchemasHaveKnownKeywords(t *testing.T) {
	count := 0
	walk(load(t).node, "", func(node *yaml.Node, pointer string) {
		if !schemaPointer.MatchString(pointer) {
			return
		}
		count++
		members(node, func(key, _ *yaml.Node) {
			if !slices.Contains(keywords, key.Value) && !strings.HasPrefix(key.Value, "x-") {
				t.Errorf("%s: %q is no keyword of a schema", place(key), key.Value)
			}
		})
	})
	assert.Greater(t, count, 300)
}

// walk calls f with node and every node below it, each with its JSON pointer.
func walk(node *yaml.Node, pointer string, f func(node *yaml.Node, pointer string)) {
	f(node, pointer)
	members(node, func(key, value *yaml.Node) {
		walk(value, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key.Value), f)
	})
	if node.Kind == yaml.SequenceNode {
		for i, element := range node.Content {
			walk(element, pointer+"/"+strconv.Itoa(i), f)
		}
	}
}

// unsuitable are the files of testdata that are no examples, and why.
var unsuitable = map[string]string{
	"virtual_machine_nulls.json": "everything in it is null, which the service is not known to send",
	"vm_default.json":            "a member in it is null, which the service is not known to send",
	"backups.json":               "a member in it is null, which the service is not known to send",
}

// TestExamplesAreThoseOfTestdata requires that each example of a response is a file of testdata, and the reverse.
func TestExamplesAreThoseOfTestdata(t *testing.T) {
	d := load(t)
	files, err := filepath.Glob(filepath.Join(root, "testdata", "*.json"))
	require.NoError(t, err)
	examples := at(d.node, "components", "examples")
	for _, path := range files {
		name := filepath.Base(path)
		example := member(examples, strings.TrimSuffix(name, ".json"))
		switch _, skip := unsuitable[name]; {
		case skip && example != nil:
			t.Errorf("api/verify/document_test.go: remove %s from unsuitable: %s has it", name, place(example))
		case !skip && example == nil:
			t.Errorf("%s: add testdata/%s to components/examples", file, name)
		}
	}
	members(examples, func(name, example *yaml.Node) {
		source := text(member(example, "x-source"))
		want, err := os.ReadFile(filepath.Join(root, source))
		if err != nil || source != "testdata/"+name.Value+".json" {
			t.Errorf("%s: x-source must be testdata/%s.json", place(name), name.Value)
			return
		}
		var value any
		require.NoError(t, member(example, "value").Decode(&value))
		read, err := jsonschema.UnmarshalJSON(bytes.NewReader(want))
		require.NoError(t, err)
		if !reflect.DeepEqual(read, asJSON(t, value)) {
			t.Errorf("%s: the value of the example differs from %s", place(name), source)
		}
	})
}

// TestExamplesAreValid validates each example against the schema beside it.
func TestExamplesAreValid(t *testing.T) {
	d := load(t)
	validate := d.validator(t)
	check := func(pointer string, value *yaml.Node) {
		var decoded any
		require.NoError(t, value.Decode(&decoded))
		if err := validate(pointer, decoded); err != nil {
			_, details, _ := strings.Cut(err.Error(), "\n") // the first line has the schema
			t.Errorf("%s: the example is invalid: %s", place(value), strings.Join(strings.Fields(details), " "))
		}
	}
	referenced := []string{}
	walk(d.node, "", func(node *yaml.Node, pointer string) {
		if member(node, "schema") == nil {
			return
		}
		if example := member(node, "example"); example != nil {
			check(pointer+"/schema", example)
		}
		members(member(node, "examples"), func(name, example *yaml.Node) {
			referenced = append(referenced, name.Value)
			check(pointer+"/schema", member(d.resolve(example), "value"))
		})
	})
	members(at(d.node, "components", "examples"), func(name, _ *yaml.Node) {
		assert.Contains(t, referenced, name.Value, "%s: no response has this example", place(name))
	})
}

// TestEachBodyHasAnExample requires an example of each schema of the body of a request or a response.
func TestEachBodyHasAnExample(t *testing.T) {
	d := load(t)
	with, without := []string{}, map[string]*yaml.Node{}
	walk(d.node, "", func(node *yaml.Node, _ string) {
		schema := at(node, "application/json", "schema")
		if items := member(schema, "items"); items != nil {
			schema = items
		}
		name := strings.TrimPrefix(text(member(schema, "$ref")), "#/components/schemas/")
		media := member(node, "application/json")
		if member(media, "example") != nil || member(media, "examples") != nil {
			with = append(with, name)
		} else if name != "" {
			without[name] = schema
		}
	})
	for name, schema := range without {
		if !slices.Contains(with, name) {
			t.Errorf("%s: add an example of %s", place(schema), name)
		}
	}
}

// validator returns a function that validates a value against the schema at a pointer, and returns an error if it is invalid.
func (d description) validator(t *testing.T) func(pointer string, value any) error {
	t.Helper()
	var document any
	require.NoError(t, d.node.Decode(&document))
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource(file, asJSON(t, document)))
	return func(pointer string, value any) error {
		schema, err := compiler.Compile(file + "#" + (&url.URL{Path: pointer}).EscapedPath())
		if err != nil {
			return err
		}
		return schema.Validate(asJSON(t, value))
	}
}

// asJSON returns a value of YAML as it is decoded from JSON.
func asJSON(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return decoded
}
