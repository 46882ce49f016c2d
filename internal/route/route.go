// Package route turns a path template and its arguments into an escaped URL
// path, one argument to one segment, whatever the argument holds.
package route

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expand replaces each {placeholder} of template by the next of args, escaped
// as one path segment. The placeholder's text names the argument in errors.
func Expand(template string, args ...string) (string, error) {
	var out strings.Builder
	out.Grow(len(template) + 16)
	rest := template
	for _, arg := range args {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return "", fmt.Errorf("route %s has fewer placeholders than arguments", template)
		}
		end := strings.IndexByte(rest, '}')
		if end < open {
			return "", fmt.Errorf("route %s has a placeholder without an end", template)
		}
		escaped := arg
		if !isPlain(arg) {
			if err := Check(arg); err != nil {
				return "", fmt.Errorf("%s %w", rest[open+1:end], err)
			}
			escaped = url.PathEscape(arg)
		}
		out.WriteString(rest[:open])
		out.WriteString(escaped)
		rest = rest[end+1:]
	}
	if strings.IndexByte(rest, '{') >= 0 {
		return "", fmt.Errorf("route %s has more placeholders than arguments", template)
	}
	out.WriteString(rest)
	return out.String(), nil
}

// isPlain reports whether segment is made of what passes Check and needs no
// escaping, as almost all are: a short way past much code, which costs more than
// it seems to where every call finds the caches cold.
func isPlain(segment string) bool {
	for i := range len(segment) {
		switch c := segment[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '1' <= c && c <= '9':
		case i > 0 && (c == '0' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return segment != ""
}

// ErrEmpty is what Check says of a segment with nothing in it.
var ErrEmpty = errors.New("is empty")

// Check says why segment may not stand in a path: it is empty, or it could
// name another endpoint (. and ..), or it holds what no name can hold, or it is
// a number that no ID can be. It is nil for every other string.
func Check(segment string) error {
	switch segment {
	case "":
		return ErrEmpty
	case ".", "..":
		return fmt.Errorf("%q would name another endpoint", segment)
	}
	if !utf8.ValidString(segment) {
		return fmt.Errorf("%q is not valid UTF-8", segment)
	}
	for _, r := range segment {
		if unicode.IsControl(r) {
			return fmt.Errorf("%q holds a control character", segment)
		}
	}
	if digits, negative := strings.CutPrefix(segment, "-"); allDigits(digits) && (negative || strings.Trim(digits, "0") == "") {
		return fmt.Errorf("%s is not an ID: IDs are greater than zero", segment)
	}
	return nil
}

// IsID reports whether the API reads segment as an ID, not as a name: it does
// so whenever the segment is all digits.
func IsID(segment string) bool { return allDigits(segment) }

func allDigits(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
