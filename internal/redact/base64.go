package redact

// base64Values maps the characters of base64, in both alphabets, to their values, and others to
// notBase64.
var base64Values = func() (values [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range values {
		values[i] = notBase64
	}
	for i := range alphabet {
		values[alphabet[i]] = byte(i)
	}
	values['-'], values['_'] = values['+'], values['/']
	return values
}()

// notBase64 is the value of a character that is not one of base64.
const notBase64 = 0xff

// The lengths from which characters of base64 may hold a secret of minLength bytes, and a gram.
const (
	minRun     = 6
	minGramRun = 11
)

// run is a part of a text that consists of characters of base64.
type run struct {
	span
	to int // the end of what it encodes, in the decoded text
}

// findBase64 returns the parts of text that may be base64.
func findBase64(text string) (found []span) {
	start := 0
	for i := range len(text) {
		if base64Values[text[i]] != notBase64 {
			continue
		}
		if i-start >= minRun {
			found = append(found, span{start, i})
		}
		start = i + 1
	}
	if len(text)-start >= minRun {
		found = append(found, span{start, len(text)})
	}
	return found
}

// decodeBase64 decodes parts of text that may be base64, and joins them, since base64 may be broken
// into lines, of which the last may be short. The first characters of each part, as many as phase says, are taken for something else,
// such as the path before it.
func decodeBase64(text string, parts []span, phase int) (decoded string, runs []run) {
	out := make([]byte, 0, len(text)*3/4+4)
	for _, part := range parts {
		if part.end-part.start < minRun+phase {
			continue
		}
		n := 0
		var value uint32
		for i := part.start + phase; i < part.end; i++ {
			value = value<<6 | uint32(base64Values[text[i]])
			if n++; n%4 == 0 {
				out = append(out, byte(value>>16), byte(value>>8), byte(value))
			}
		}
		switch n % 4 {
		case 2:
			out = append(out, byte(value>>4))
		case 3:
			out = append(out, byte(value>>10), byte(value>>2))
		}
		runs = append(runs, run{part, len(out)})
	}
	return string(out), runs
}

// locateRuns returns the runs that encode the given spans of the decoded text. The spans must be in
// order.
func locateRuns(runs []run, decoded []span) []span {
	var located []span
	for _, s := range decoded {
		for len(runs) > 0 && runs[0].to <= s.start {
			runs = runs[1:]
		}
		for len(runs) > 0 {
			located = append(located, runs[0].span)
			if runs[0].to >= s.end {
				break
			}
			runs = runs[1:]
		}
	}
	return located
}
