package bigvtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// attributes is a decoded JSON object with undecoded values.
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

// withoutBlanks returns the attributes that are neither null nor "".
func (in attributes) withoutBlanks() attributes {
	given := attributes{}
	for key, raw := range in {
		if !isBlank(raw) {
			given[key] = raw
		}
	}
	return given
}

func isBlank(raw json.RawMessage) bool { return string(raw) == "null" || string(raw) == `""` }

// validationErrors maps attributes to their error messages. Existing clients decode the member "discs"
// as a list of objects, one for each disc, and all others as lists of strings, so that the names of
// nested attributes are joined: "ips.ipv4".
type validationErrors map[string]any

func (p validationErrors) add(attribute, format string, args ...any) {
	list, _ := p[attribute].([]string)
	p[attribute] = append(list, fmt.Sprintf(format, args...))
}

// err returns the errors as a 400 response, or nil if there are none.
func (p validationErrors) err() error {
	if len(p) == 0 {
		return nil
	}
	return &apiError{http.StatusBadRequest, p}
}

// form reads and validates the attributes of an object and collects validation errors. Its reading
// methods report whether they have set the destination: they leave it unchanged if the attribute is
// missing or invalid.
//
// In a POST and in nested objects, an attribute that is null or "" counts as missing: see newForm. In a
// PUT, null and "" are values: they clear an attribute that is read with nullable, and are errors
// otherwise.
type form struct {
	attributes attributes
	errors     validationErrors // shared with the forms of nested objects
	prefix     string           // prefix of the attributes in errors
}

// newForm returns a form for the body of the request.
func (q *request) newForm() *form {
	in := q.attributes
	if q.method == http.MethodPost {
		in = in.withoutBlanks()
	}
	return &form{attributes: in, errors: validationErrors{}}
}

func (f *form) addError(key, format string, args ...any) {
	f.errors.add(f.prefix+key, format, args...)
}

func (f *form) hasError(key string) bool { return f.errors[f.prefix+key] != nil }

// has reports whether the attribute is present and not blank.
func (f *form) has(key string) bool {
	raw, present := f.attributes[key]
	return present && !isBlank(raw)
}

// isCleared reports whether a PUT clears the attribute.
func (f *form) isCleared(key string) bool {
	raw, present := f.attributes[key]
	return present && isBlank(raw)
}

// value returns an attribute that cannot be blank.
func (f *form) value(key string) (json.RawMessage, bool) {
	raw, present := f.attributes[key]
	if f.isCleared(key) {
		f.addError(key, "can't be blank")
		return nil, false
	}
	return raw, present
}

func (f *form) text(key string, to *string) bool {
	raw, present := f.value(key)
	if !present {
		return false
	}
	if json.Unmarshal(raw, to) != nil {
		f.addError(key, "is invalid")
		return false
	}
	return true
}

// nullable reads a string. Both null and "" clear it.
func (f *form) nullable(key string, to **string) bool {
	if f.isCleared(key) {
		*to = nil
		return true
	}
	text := ""
	if !f.text(key, &text) {
		return false
	}
	*to = &text
	return true
}

// integer reads an integer. It accepts a number in a string.
func (f *form) integer(key string, to *int) bool {
	raw, present := f.value(key)
	if !present {
		return false
	}
	n, message := parseInteger(raw)
	if message != "" {
		f.addError(key, "%s", message)
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
	raw, present := f.value(key)
	if !present {
		return false
	}
	switch string(raw) {
	case "true", `"true"`:
		*to = true
	case "false", `"false"`:
		*to = false
	default:
		f.addError(key, "is invalid")
		return false
	}
	return true
}

// object returns a form for a nested object, whose errors have the given prefix. It reports false if
// the attribute is missing or not an object; the form is empty then.
func (f *form) object(key, prefix string) (in *form, present bool) {
	if !f.has(key) {
		return &form{errors: f.errors, prefix: f.prefix + prefix}, false
	}
	return f.nested(key, prefix, f.attributes[key])
}

// nested returns a form for the value of a nested object, and reports whether the value is an object.
func (f *form) nested(key, prefix string, raw json.RawMessage) (in *form, valid bool) {
	var members attributes
	if json.Unmarshal(raw, &members) != nil || members == nil {
		f.addError(key, "is invalid")
	}
	return &form{attributes: members.withoutBlanks(), errors: f.errors, prefix: f.prefix + prefix}, members != nil
}

// objects returns a form for each element of a list of nested objects. The errors of an element have
// the name of the list and the position as their prefix: "backup_schedules[1].".
func (f *form) objects(key string) (list []*form) {
	elements, valid := f.list(key)
	if !valid {
		f.addError(key, "is invalid")
	}
	for i, raw := range elements {
		at := fmt.Sprintf("%s[%d]", key, i)
		in, _ := f.nested(at, at+".", raw)
		list = append(list, in)
	}
	return list
}

// list returns the elements of a list. It reports false if the attribute is present and not a list.
func (f *form) list(key string) (elements []json.RawMessage, valid bool) {
	if !f.has(key) {
		return nil, true
	}
	valid = json.Unmarshal(f.attributes[key], &elements) == nil
	return elements, valid
}

func (f *form) checkMinimum(key string, n, least int) {
	if n < least {
		f.addError(key, "must be greater than or equal to %d", least)
	}
}

func (f *form) checkOneOf(key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		f.addError(key, "is not included in the list")
	}
}

var dnsLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// checkHostnameLabel validates a name that becomes part of a hostname.
func (f *form) checkHostnameLabel(key, value string, shortest int) {
	if value == "" {
		f.addError(key, "can't be blank")
		return
	}
	if !dnsLabel.MatchString(value) {
		f.addError(key, "is invalid")
	}
	if len(value) < shortest {
		f.addError(key, "is too short (minimum is %d characters)", shortest)
	}
	if len(value) > 63 {
		f.addError(key, "is too long (maximum is 63 characters)")
	}
}

func (f *form) require(keys ...string) {
	for _, key := range keys {
		if _, present := f.attributes[key]; !present {
			f.addError(key, "can't be blank")
		}
	}
}
