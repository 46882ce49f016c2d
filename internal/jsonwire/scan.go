package jsonwire

// space skips white space.
func (c *cursor) space() {
	for c.pos < len(c.data) && c.data[c.pos] <= ' ' {
		c.pos++
	}
}

// next skips white space and the byte after it, which it returns.
func (c *cursor) next() byte {
	c.space()
	c.pos++
	return c.data[c.pos-1]
}

// raw reads a string without escapes, and returns the bytes between its quotes. It
// reports false if there are escapes.
func (c *cursor) raw() ([]byte, bool) {
	start := c.pos + 1
	for i := start; i < len(c.data); i++ {
		switch c.data[i] {
		case '"':
			c.pos = i + 1
			return c.data[start:i], true
		case '\\':
			return nil, false
		}
	}
	return nil, false
}

// skip skips a value and returns its bytes.
func (c *cursor) skip() []byte {
	start := c.pos
	for depth := 0; c.pos < len(c.data); {
		switch b := c.data[c.pos]; b {
		case '"':
			c.skipString()
		case '{', '[':
			depth++
			c.pos++
			continue
		case '}', ']':
			depth--
			c.pos++
		case ' ', '\t', '\r', '\n', ':', ',':
			c.pos++
			continue
		default:
			for c.pos++; c.pos < len(c.data) && !isDelimiter(c.data[c.pos]); c.pos++ {
			}
		}
		if depth == 0 {
			break
		}
	}
	return c.data[start:c.pos]
}

// isDelimiter reports whether a byte ends a number, true, false or null.
func isDelimiter(b byte) bool { return b == ',' || b == ']' || b == '}' || b <= ' ' }

// skipString skips a string.
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
}
