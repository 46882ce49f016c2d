// Package route expands path templates into escaped URL paths. Each argument
// becomes one path segment, whatever characters it contains.
package route

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expand replaces each {placeholder} of template with the next of args, escaped as
// one path segment. The placeholder's text names the argument in errors.
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

// isPlain reports whether segment passes Check and needs no escaping because all
// its characters are plain. This is a fast path for most names and IDs.
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

// ErrEmpty is returned by Check for an empty segment. Like the texts of Check's
// other errors, its text follows the name of the argument.
var ErrEmpty = errors.New("is empty")

// Check returns an error if segment cannot be a segment of a path: if it is empty,
// names another endpoint (. and ..), contains a control character or invalid
// UTF-8, begins or ends with a space, ends with a slash, or is a number that cannot
// be an ID.
func Check(segment string) error {
	switch segment {
	case "":
		return ErrEmpty
	case ".", "..":
		return fmt.Errorf("%q is not allowed", segment)
	}
	if !utf8.ValidString(segment) {
		return fmt.Errorf("%q is not valid UTF-8", segment)
	}
	if strings.ContainsFunc(segment, unicode.IsControl) {
		return fmt.Errorf("%q contains a control character", segment)
	}
	if strings.TrimSpace(segment) != segment {
		return fmt.Errorf("%q begins or ends with a space", segment)
	}
	if strings.HasSuffix(segment, "/") {
		return fmt.Errorf("%q ends with a slash", segment)
	}
	if digits, negative := strings.CutPrefix(segment, "-"); IsID(digits) && (negative || strings.Trim(digits, "0") == "") {
		return fmt.Errorf("%s is not an ID: IDs are greater than zero", segment)
	}
	return nil
}

// IsID reports whether the API reads segment as an ID rather than a name: it does
// so if all characters are ASCII digits.
func IsID(segment string) bool {
	for i := range len(segment) {
		if segment[i] < '0' || segment[i] > '9' {
			return false
		}
	}
	return segment != ""
}
