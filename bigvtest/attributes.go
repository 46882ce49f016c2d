package bigvtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// attributes is a JSON object as it arrived.
type attributes map[string]json.RawMessage

func parseAttributes(raw []byte) (attributes, error) {
	in := attributes{}
	if len(bytes.TrimSpace(raw)) == 0 {
		return in, nil
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	return in, nil
}

// problems is what is wrong with the attributes of a request: attribute to
// a list of messages, to one message, or to the problems of its elements.
type problems map[string]any

func (p problems) add(attribute, format string, args ...any) {
	list, _ := p[attribute].([]string)
	p[attribute] = append(list, fmt.Sprintf(format, args...))
}

// err is nil if there are no problems.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &refusal{http.StatusBadRequest, p}
}

// form reads attributes and notes what is wrong with them. Each reading
// method leaves its destination alone, and reports false, if the attribute
// is missing or of no use.
type form struct {
	in  attributes
	bad problems
}

func newForm(in attributes) *form { return &form{in, problems{}} }

func (f *form) null(key string) bool {
	raw, there := f.in[key]
	return there && string(raw) == "null"
}

// has reports whether the attribute is there and not null.
func (f *form) has(key string) bool {
	_, there := f.in[key]
	return there && !f.null(key)
}

func (f *form) given(key string) (json.RawMessage, bool) {
	raw, there := f.in[key]
	if there && string(raw) == "null" {
		f.bad.add(key, "can't be blank")
		return nil, false
	}
	return raw, there
}

func (f *form) text(key string, to *string) bool {
	raw, there := f.given(key)
	if !there {
		return false
	}
	if json.Unmarshal(raw, to) != nil {
		f.bad.add(key, "is invalid")
		return false
	}
	return true
}

// nullable reads a string for which null and "" both mean none.
func (f *form) nullable(key string, to **string) bool {
	raw, there := f.in[key]
	if !there {
		return false
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil {
		f.bad.add(key, "is invalid")
		return false
	}
	if s != nil && *s == "" {
		s = nil
	}
	*to = s
	return true
}

// integer also takes a number written as a string.
func (f *form) integer(key string, to *int) bool {
	raw, there := f.given(key)
	if !there {
		return false
	}
	n, message := parseInteger(raw)
	if message != "" {
		f.bad.add(key, "%s", message)
		return false
	}
	*to = n
	return true
}

func parseInteger(raw json.RawMessage) (n int, message string) {
	literal := string(raw)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		literal = s
	}
	n, err := strconv.Atoi(literal)
	if err == nil {
		return n, ""
	}
	x, err := strconv.ParseFloat(literal, 64)
	switch {
	case err != nil:
		return 0, "is not a number"
	case x != float64(int(x)):
		return 0, "must be an integer"
	}
	return int(x), ""
}

func (f *form) boolean(key string, to *bool) bool {
	raw, there := f.given(key)
	if !there {
		return false
	}
	switch string(raw) {
	case "true", `"true"`:
		*to = true
	case "false", `"false"`:
		*to = false
	default:
		f.bad.add(key, "is invalid")
		return false
	}
	return true
}

// object reads a nested object; null is the same as missing.
func (f *form) object(key string) (attributes, bool) {
	if !f.has(key) {
		return nil, false
	}
	in := attributes{}
	if json.Unmarshal(f.in[key], &in) != nil {
		f.bad.add(key, "is invalid")
		return nil, false
	}
	return in, true
}

// objects reads a nested list of objects; null is the same as missing.
func (f *form) objects(key string) ([]attributes, bool) {
	if !f.has(key) {
		return nil, false
	}
	var list []attributes
	if json.Unmarshal(f.in[key], &list) != nil {
		f.bad.add(key, "is invalid")
		return nil, false
	}
	return list, true
}

func (f *form) atLeast(key string, n, least int) {
	if n < least {
		f.bad.add(key, "must be greater than or equal to %d", least)
	}
}

func (f *form) oneOf(key, value string, allowed []string) {
	for _, a := range allowed {
		if a == value {
			return
		}
	}
	f.bad.add(key, "is not included in the list")
}

var dnsLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// name notes what is wrong with a name that becomes part of a hostname.
func (f *form) name(key, value string, shortest int) {
	if value == "" {
		f.bad.add(key, "can't be blank")
		return
	}
	if !dnsLabel.MatchString(value) {
		f.bad.add(key, "is invalid")
	}
	if len(value) < shortest {
		f.bad.add(key, "is too short (minimum is %d characters)", shortest)
	}
	if len(value) > 63 {
		f.bad.add(key, "is too long (maximum is 63 characters)")
	}
}

func (f *form) required(keys ...string) {
	for _, key := range keys {
		if _, there := f.in[key]; !there {
			f.bad.add(key, "can't be blank")
		}
	}
}
