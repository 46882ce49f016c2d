package bigv

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The limits of the attributes and messages that are kept of a 400. The service stays far below them.
const (
	maxFieldDepth = 8        // deeper values are kept as raw JSON
	maxFieldName  = 256      // bytes
	maxFieldText  = 64 << 10 // bytes of all names and messages
)

// parseFields parses the body of a 400, for which the service uses several forms: text, or an
// object that maps each attribute to a message, to a list of messages or, for an attribute that is
// a list of objects, to a list of such objects.
func parseFields(body string) map[string][]string {
	c := fieldCollector{fields: map[string][]string{}, left: maxFieldText}
	var members map[string]jsontext.Value
	if err := jsonwire.UnmarshalLimited([]byte(body), &members, maxFieldText); err != nil || members == nil {
		if text := strings.TrimSpace(body); text != "" {
			var quoted string
			if text[0] == '"' && json.Unmarshal([]byte(text), &quoted) == nil {
				text = quoted
			}
			c.add("", strings.Clone(text)) // or else the rest of the body is kept
		}
		return c.fields
	}
	c.addMembers("", members, 0)
	return c.fields
}

// fieldCollector collects the attributes of a 400 and their messages.
type fieldCollector struct {
	fields map[string][]string
	left   int // bytes of names and messages that may be added
}

// add adds a message of an attribute, shortened to what may be added.
func (c *fieldCollector) add(name, message string) {
	const overhead = 16
	if c.left -= len(name) + overhead; c.left <= 0 {
		return
	}
	if len(message) > c.left {
		message = strings.Clone(message[:c.left])
	}
	c.left -= len(message)
	c.fields[name] = append(c.fields[name], message)
}

// addMembers adds the messages of the attributes in members.
func (c *fieldCollector) addMembers(prefix string, members map[string]jsontext.Value, depth int) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		c.addValue(truncateText(prefix+name, maxFieldName), members[name], depth+1)
	}
}

// addValue adds the messages of one attribute.
func (c *fieldCollector) addValue(name string, value jsontext.Value, depth int) {
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
			c.add(name, text)
		}
		return
	case '{':
		if json.Unmarshal(value, &members) == nil {
			c.addMembers(name+".", members, depth)
			return
		}
	case '[':
		if json.Unmarshal(value, &items) == nil {
			for i, item := range items {
				field := name
				if kind := item.Kind(); kind == '{' || kind == '[' {
					field = fmt.Sprintf("%s[%d]", name, i)
				}
				c.addValue(field, item, depth+1)
			}
			return
		}
	}
	c.add(name, string(value))
}

// The service has no status and no fixed text for a name that is taken and for a deleted machine.
var (
	takenText   = regexp.MustCompile(`(?i)\b(taken|already (exists?|in use|used)|(not|be) unique|duplicate)\b`)
	deletedText = regexp.MustCompile(`(?i)\b(is|was|been) deleted\b`)
)

// nameFields are the attributes that name a resource. The empty one has messages about the whole request.
var nameFields = []string{"", "name", "label", "username", "account_name"}

// refusalKind returns ErrConflict if the service has refused a write because a name is taken, ErrDeleted if
// it has because the virtual machine is deleted, and nil otherwise.
func (e *Error) refusalKind() error {
	if e.Method == http.MethodGet {
		return nil
	}
	for field, messages := range e.fields {
		name := field[strings.LastIndexByte(field, '.')+1:]
		isTaken := func(message string) bool { return slices.Contains(nameFields, name) && takenText.MatchString(message) }
		if slices.ContainsFunc(messages, isTaken) {
			return ErrConflict
		}
		if slices.ContainsFunc(messages, deletedText.MatchString) {
			return ErrDeleted
		}
	}
	if e.StatusCode == http.StatusConflict {
		return ErrConflict
	}
	return nil
}
