package jsonwire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

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

func isSpace(b byte) bool { return b <= ' ' && (b == ' ' || b == '\n' || b == '\t' || b == '\r') }

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
	for i := start; ; i++ {
		i += plainPrefix(c.data[i:])
		if i == len(c.data) {
			break
		}
		switch b := c.data[i]; {
		case b == '"':
			if !ascii && !utf8.Valid(c.data[start:i]) {
				return nil, false
			}
			c.pos = i + 1
			return c.data[start:i], true
		case b >= utf8.RuneSelf:
			for ascii = false; i+1 < len(c.data) && c.data[i+1] >= utf8.RuneSelf; i++ {
			}
		default: // a backslash, or a control character, which is not allowed
			return nil, false
		}
	}
	c.pos = len(c.data)
	return nil, false
}

// plainPrefix returns how many bytes at the beginning of data are ASCII characters that
// mean themselves in a JSON string. It looks at eight bytes at a time. Of those whose high
// bit is set in special, only the first is certain not to be plain: a subtraction in it may
// borrow from the bytes after it.
func plainPrefix(data []byte) (n int) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(data)-n >= 8; n += 8 {
		word := binary.LittleEndian.Uint64(data[n:])
		control, quote, backslash := word-' '*ones, (word^'"'*ones)-ones, (word^'\\'*ones)-ones
		if special := (word | control | quote | backslash) & high; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(data); n++ {
		if b := data[n]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			break
		}
	}
	return n
}

// skip skips a value and returns its bytes. It looks only for its end: the bytes may not
// be JSON. It reports false if the value exceeds maxDepth, counted from the start of the
// response.
func (c *cursor) skip() ([]byte, bool) {
	start := c.pos
	for depth := 0; c.pos < len(c.data); {
		switch b := c.data[c.pos]; {
		case b == '"':
			c.skipString()
		case b == '{' || b == '[':
			if depth++; depth > maxDepth-c.depth {
				return nil, false
			}
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
