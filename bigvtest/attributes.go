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

// validationErrors maps attributes to a list of messages, a single message, or the errors of nested
// objects.
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

// form reads and validates the attributes of a request and collects validation errors. Its reading
// methods report whether they have set the destination: they leave it unchanged if the attribute is
// missing or invalid.
type form struct {
	attributes attributes
	errors     validationErrors
}

func newForm(in attributes) *form { return &form{in, validationErrors{}} }

func (f *form) isNull(key string) bool {
	raw, present := f.attributes[key]
	return present && string(raw) == "null"
}

// has reports whether the attribute is present and not null.
func (f *form) has(key string) bool {
	_, present := f.attributes[key]
	return present && !f.isNull(key)
}

func (f *form) nonNull(key string) (json.RawMessage, bool) {
	raw, present := f.attributes[key]
	if present && string(raw) == "null" {
		f.errors.add(key, "can't be blank")
		return nil, false
	}
	return raw, present
}

func (f *form) text(key string, to *string) bool {
	raw, present := f.nonNull(key)
	if !present {
		return false
	}
	if json.Unmarshal(raw, to) != nil {
		f.errors.add(key, "is invalid")
		return false
	}
	return true
}

// nullable reads a string. Both null and "" clear it.
func (f *form) nullable(key string, to **string) bool {
	raw, present := f.attributes[key]
	if !present {
		return false
	}
	var s *string
	if json.Unmarshal(raw, &s) != nil {
		f.errors.add(key, "is invalid")
		return false
	}
	if s != nil && *s == "" {
		s = nil
	}
	*to = s
	return true
}

// integer reads an integer. It accepts a number in a string.
func (f *form) integer(key string, to *int) bool {
	raw, present := f.nonNull(key)
	if !present {
		return false
	}
	n, message := parseInteger(raw)
	if message != "" {
		f.errors.add(key, "%s", message)
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
	raw, present := f.nonNull(key)
	if !present {
		return false
	}
	switch string(raw) {
	case "true", `"true"`:
		*to = true
	case "false", `"false"`:
		*to = false
	default:
		f.errors.add(key, "is invalid")
		return false
	}
	return true
}

// object reads a nested object. It treats null as missing.
func (f *form) object(key string) (attributes, bool) {
	if !f.has(key) {
		return nil, false
	}
	in := attributes{}
	if json.Unmarshal(f.attributes[key], &in) != nil {
		f.errors.add(key, "is invalid")
		return nil, false
	}
	return in, true
}

// objects reads a list of nested objects. It treats null as missing.
func (f *form) objects(key string) ([]attributes, bool) {
	if !f.has(key) {
		return nil, false
	}
	var list []attributes
	if json.Unmarshal(f.attributes[key], &list) != nil {
		f.errors.add(key, "is invalid")
		return nil, false
	}
	return list, true
}

func (f *form) checkMinimum(key string, n, least int) {
	if n < least {
		f.errors.add(key, "must be greater than or equal to %d", least)
	}
}

func (f *form) checkOneOf(key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		f.errors.add(key, "is not included in the list")
	}
}

var dnsLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// checkHostnameLabel validates a name that becomes part of a hostname.
func (f *form) checkHostnameLabel(key, value string, shortest int) {
	if value == "" {
		f.errors.add(key, "can't be blank")
		return
	}
	if !dnsLabel.MatchString(value) {
		f.errors.add(key, "is invalid")
	}
	if len(value) < shortest {
		f.errors.add(key, "is too short (minimum is %d characters)", shortest)
	}
	if len(value) > 63 {
		f.errors.add(key, "is too long (maximum is 63 characters)")
	}
}

func (f *form) require(keys ...string) {
	for _, key := range keys {
		if _, present := f.attributes[key]; !present {
			f.errors.add(key, "can't be blank")
		}
	}
}
