package redact

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A decoder decodes the escape sequences of one language.
type decoder struct {
	escapes string // the characters that begin an escape sequence
	// appendDecoded appends the character that the escape sequence at the beginning of
	// text stands for, and returns the length of the sequence. If there is none, it
	// appends the first byte of text.
	appendDecoded func(dst []byte, text string) (decoded []byte, n int)
}

// decoders are those of JSON and Go, of URLs, and of HTML.
var decoders = []decoder{{`\`, appendBackslash}, {"%+", appendPercent}, {"&", appendEntity}}

// decode returns text with each escape sequence replaced by the character that it
// stands for.
func (d decoder) decode(text string) string {
	i := strings.IndexAny(text, d.escapes)
	if i < 0 {
		return text
	}
	decoded := make([]byte, 0, len(text))
	for i >= 0 {
		decoded = append(decoded, text[:i]...)
		var n int
		decoded, n = d.appendDecoded(decoded, text[i:])
		text = text[i+n:]
		i = strings.IndexAny(text, d.escapes)
	}
	return string(append(decoded, text...))
}

// locate returns the spans of text from which decode has made the given spans of
// its result. They must be in order and must not overlap, which is true of the
// returned ones too.
func (d decoder) locate(text string, decoded []span) []span {
	located := make([]span, 0, len(decoded))
	var char []byte
	from, to := 0, 0 // positions in text and in the decoded text
	for _, s := range decoded {
		start := from
		for to < s.end {
			n, size := 1, 1
			if strings.IndexByte(d.escapes, text[from]) >= 0 {
				char, n = d.appendDecoded(char[:0], text[from:])
				size = len(char)
			}
			if to <= s.start {
				start = from
			}
			from += n
			to += size
		}
		if start < from { // or else s is a part of a character that the span before includes
			located = append(located, span{start, from})
		}
	}
	return located
}

// appendPercent decodes the percent-encoding of URLs, and the plus signs that
// stand for spaces in queries.
func appendPercent(dst []byte, text string) (decoded []byte, n int) {
	if text[0] == '+' {
		return append(dst, ' '), 1
	}
	if value, ok := parseHex(text, 1, 2); ok {
		return append(dst, byte(value)), 3
	}
	return append(dst, text[0]), 1
}

// maxEscape is the length from which a text is not a single escape sequence. The
// longest are the names of HTML.
const maxEscape = 36

// appendEntity decodes HTML entities.
func appendEntity(dst []byte, text string) (decoded []byte, n int) {
	end := strings.IndexByte(text[:min(len(text), maxEscape)], ';')
	if end > 0 && strings.LastIndexByte(text[:end], '&') == 0 {
		if char := html.UnescapeString(text[:end+1]); char != text[:end+1] {
			return append(dst, char...), end + 1
		}
	}
	return append(dst, text[0]), 1
}

// shortEscapes are the characters that a backslash and one character stand for.
var shortEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '"': '"', '\'': '\'', '\\': '\\', '/': '/',
}

// appendBackslash decodes the escape sequences of JSON strings and of Go string
// literals.
func appendBackslash(dst []byte, text string) (decoded []byte, n int) {
	if len(text) == 1 {
		return append(dst, text[0]), 1
	}
	if char, ok := shortEscapes[text[1]]; ok {
		return append(dst, char), 2
	}
	switch text[1] {
	case 'x':
		if value, ok := parseHex(text, 2, 2); ok {
			return append(dst, byte(value)), 4
		}
	case 'u':
		if value, ok := parseHex(text, 2, 4); ok {
			return appendUTF16(dst, text, value)
		}
	case 'U':
		if value, ok := parseHex(text, 2, 8); ok {
			return utf8.AppendRune(dst, value), 10
		}
	}
	return append(dst, text[0]), 1
}

// appendUTF16 decodes an escape sequence that consists of \u and the digits of
// value, which may be half of a surrogate pair.
func appendUTF16(dst []byte, text string, value rune) (decoded []byte, n int) {
	if !utf16.IsSurrogate(value) {
		return utf8.AppendRune(dst, value), 6
	}
	if len(text) < 12 { // the other half may have been cut off
		return append(dst, text[0]), 1
	}
	if second, ok := parseHex(text, 8, 4); ok && text[6:8] == `\u` {
		if char := utf16.DecodeRune(value, second); char != utf8.RuneError {
			return utf8.AppendRune(dst, char), 12
		}
	}
	return utf8.AppendRune(dst, utf8.RuneError), 6
}

// incompleteEscape matches an escape sequence that was cut short.
var incompleteEscape = regexp.MustCompile(`^(?i:%[0-9a-f]?|\\|\\x[0-9a-f]?|\\U[0-9a-f]{0,7}|\\u[0-9a-f]{0,3}` +
	`|\\ud[89ab][0-9a-f]{2}(?:\\(?:u[0-9a-f]{0,3})?)?|&#?[0-9a-z]*)$`)

// isIncompleteEscape reports whether text is an escape sequence that was cut
// short.
func isIncompleteEscape(text string) bool {
	return len(text) < maxEscape && strings.IndexByte(`\%&`, text[0]) >= 0 && incompleteEscape.MatchString(text)
}

// parseHex parses the hexadecimal digits of text from start on, of which there
// must be as many as digits says.
func parseHex(text string, start, digits int) (value rune, ok bool) {
	if len(text) < start+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(text[start:start+digits], 16, 31)
	return rune(n), err == nil
}
