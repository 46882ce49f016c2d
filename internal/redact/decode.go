package redact

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapes are the characters that begin an escape sequence: of JSON and Go, of URLs, and of HTML.
const escapes = `\%&`

// languages are the escapes that are decoded: those of all languages at once, and those of each.
var languages = []string{escapes, `\`, "%", "&"}

// isEscape reports whether c is one of these escapes.
func isEscape(c byte, escapes string) bool {
	return (c == '\\' || c == '%' || c == '&') && strings.IndexByte(escapes, c) >= 0
}

// appendDecoded appends the character that the escape sequence at the beginning of text stands for,
// and returns the length of the sequence. If there is none, it appends the first byte of text.
func appendDecoded(dst []byte, text string) (decoded []byte, n int) {
	switch text[0] {
	case '\\':
		return appendBackslash(dst, text)
	case '%':
		return appendPercent(dst, text)
	}
	return appendEntity(dst, text)
}

// decode returns text with each of the escape sequences that begin with one of these characters
// replaced by the character that it stands for.
func decode(text, escapes string) string {
	i := strings.IndexAny(text, escapes)
	if i < 0 {
		return text
	}
	decoded := append(make([]byte, 0, len(text)), text[:i]...)
	for i < len(text) {
		n := 1
		if isEscape(text[i], escapes) {
			decoded, n = appendDecoded(decoded, text[i:])
		} else {
			decoded = append(decoded, text[i])
		}
		i += n
	}
	return string(decoded)
}

// locate returns the spans of text from which decode has made the given spans of its result. They
// must be in order and must not overlap, which is true of the returned ones too.
func locate(text, escapes string, decoded []span) []span {
	located := make([]span, 0, len(decoded))
	var char []byte
	from, to := 0, 0 // positions in text and in the decoded text
	for _, s := range decoded {
		start := from
		for to < s.end {
			n, size := 1, 1
			if isEscape(text[from], escapes) {
				char, n = appendDecoded(char[:0], text[from:])
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

// decodings returns a secret and everything that decode may make of it when it is a part of a text,
// since other escape sequences than those of the text's language are decoded too.
func decodings(secret string) []string {
	all := []string{secret}
	for begin, depth := 0, 0; depth < maxDepth && begin < len(all); depth++ {
		level := all[begin:]
		begin = len(all)
		for _, text := range level {
			for _, language := range languages {
				if decoded := decode(text, language); !slices.Contains(all, decoded) {
					all = append(all, decoded)
				}
			}
		}
	}
	return all
}

// appendPercent decodes the percent-encoding of URLs.
func appendPercent(dst []byte, text string) (decoded []byte, n int) {
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
