package bigv

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// parseFields parses the body of a 400, for which the service uses several forms: text, or an
// object that maps each attribute to a message, to a list of messages or, for an attribute that is
// a list of objects, to a list of such objects.
func parseFields(body string) map[string][]string {
	fields := map[string][]string{}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(body), &members); err != nil || members == nil {
		if text := strings.TrimSpace(body); text != "" {
			var quoted string
			if text[0] == '"' && json.Unmarshal([]byte(text), &quoted) == nil {
				text = quoted
			}
			fields[""] = []string{text}
		}
		return fields
	}
	collectFields(fields, "", members, 0)
	return fields
}

// maxFieldDepth is the depth to which the attributes of a 400 are parsed. Deeper values are kept as
// raw JSON.
const maxFieldDepth = 8

// collectFields adds the messages of the attributes in members to fields.
func collectFields(fields map[string][]string, prefix string, members map[string]jsontext.Value, depth int) {
	for name, value := range members {
		collectField(fields, prefix+name, value, depth+1)
	}
}

// collectField adds the messages of one attribute to fields.
func collectField(fields map[string][]string, name string, value jsontext.Value, depth int) {
	var (
		text    string
		members map[string]jsontext.Value
		items   []jsontext.Value
	)
	kind := value.Kind()
	if depth > maxFieldDepth && kind != '"' {
		kind = 0
	}
	switch kind {
	case '"':
		if json.Unmarshal(value, &text) == nil {
			fields[name] = append(fields[name], text)
		}
		return
	case '{':
		if json.Unmarshal(value, &members) == nil {
			collectFields(fields, name+".", members, depth)
			return
		}
	case '[':
		if json.Unmarshal(value, &items) == nil {
			for i, item := range items {
				field := name
				if kind := item.Kind(); kind == '{' || kind == '[' {
					field = fmt.Sprintf("%s[%d]", name, i)
				}
				collectField(fields, field, item, depth+1)
			}
			return
		}
	}
	fields[name] = append(fields[name], string(value))
}
