package jsonwire

import "unicode/utf8"

// The methods in this file read the tokens of a value. If the data ends before the
// token does, they report false and set pos to the end.

// peek returns the byte at pos, or 0 at the end.
func (c *cursor) peek() byte {
	if c.pos < len(c.data) {
		return c.data[c.pos]
	}
	return 0
}

// space skips white space.
func (c *cursor) space() {
	for c.pos < len(c.data) && isSpace(c.data[c.pos]) {
		c.pos++
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// next skips white space and the byte after it, which it returns. It returns 0 at the
// end.
func (c *cursor) next() byte {
	c.space()
	if c.pos == len(c.data) {
		return 0
	}
	c.pos++
	return c.data[c.pos-1]
}

// literal reads null, true or false.
func (c *cursor) literal(text string) bool {
	rest := c.data[c.pos:]
	if len(rest) < len(text) {
		c.pos = len(c.data)
		return false
	}
	c.pos += len(text)
	return string(rest[:len(text)]) == text
}

// raw reads a string and returns the bytes between its quotes. It reports false if they
// are not the text, since there are escapes, or if there is another value.
func (c *cursor) raw() ([]byte, bool) {
	if c.peek() != '"' {
		return nil, false
	}
	start, ascii := c.pos+1, true
	for i := start; i < len(c.data); i++ {
		switch kinds[c.data[i]] {
		case quote:
			if !ascii && !utf8.Valid(c.data[start:i]) {
				return nil, false
			}
			c.pos = i + 1
			return c.data[start:i], true
		case escape:
			return nil, false
		case notASCII:
			ascii = false
		}
	}
	c.pos = len(c.data)
	return nil, false
}

// The kinds of bytes in a string. The kind of most is 0.
const (
	quote    = 1 + iota
	escape   // a backslash, or a control character, which is not allowed
	notASCII // part of a character of several bytes
)

// kinds has the kind of each byte in a string.
var kinds = func() (kinds [256]uint8) {
	for b := range kinds {
		switch {
		case b == '"':
			kinds[b] = quote
		case b == '\\' || b < ' ':
			kinds[b] = escape
		case b >= utf8.RuneSelf:
			kinds[b] = notASCII
		}
	}
	return kinds
}()

// skip skips a value and returns its bytes. It looks only for its end: the bytes may not
// be JSON.
func (c *cursor) skip() ([]byte, bool) {
	start := c.pos
	for depth := 0; c.pos < len(c.data); {
		switch b := c.data[c.pos]; {
		case b == '"':
			c.skipString()
		case b == '{' || b == '[':
			depth++
			c.pos++
			continue
		case b == '}' || b == ']':
			depth--
			c.pos++
		case isSpace(b) || b == ':' || b == ',':
			c.pos++
			continue
		default:
			for c.pos++; c.pos < len(c.data) && !isDelimiter(c.data[c.pos]); c.pos++ {
			}
			if c.pos == len(c.data) {
				return nil, false // there may be more of it
			}
		}
		if c.pos > len(c.data) {
			break
		}
		if depth == 0 {
			return c.data[start:c.pos], true
		}
	}
	c.pos = len(c.data)
	return nil, false
}

// isDelimiter reports whether a byte ends a number, true, false or null.
func isDelimiter(b byte) bool { return b == ',' || b == ']' || b == '}' || isSpace(b) }

// skipString skips a string. It sets pos behind the end of the data if the string does
// not end there.
func (c *cursor) skipString() {
	for c.pos++; c.pos < len(c.data); c.pos++ {
		switch c.data[c.pos] {
		case '\\':
			c.pos++
		case '"':
			c.pos++
			return
		}
	}
	c.pos = len(c.data) + 1
}
