package redact

import (
	"math/bits"
	"strings"
	"unicode"
)

// parts finds parts of secrets in a text, such as the beginning of a token or a line of a script.
//
// It knows each sequence of gramLength bytes of the secrets, called a gram. A part of a text that
// consists of grams is a part of a secret if it is long enough. This takes a time that grows with
// the length of the text only, whatever the secrets and the text are. Each sequence of white space
// and plus signs counts as one space, so that it does not matter how lines end and where they begin.
type parts struct {
	lengths map[uint64]int // of the shortest parts that contain a gram and are removed
	filter  []uint64       // a bit for each hash of a gram; it saves most of the look-ups in lengths
	shift   int            // of a hash, which gives its bit
}

const (
	// gramLength is the number of bytes of a gram, which a uint64 holds.
	gramLength = 8
	// maxPart is the length from which every part of a secret is removed.
	maxPart = 16
	// minGramBytes is the number of different bytes from which a gram is specific. A sequence of
	// others, such as a line of hyphens, is not a part of a secret by itself.
	minGramBytes = 4
)

// newParts returns the parts of these secrets, which are also their lines, and the words with letters
// and digits in them, which are more likely to be passwords than others. A part has at least gramLength
// bytes.
func newParts(secrets []string) parts {
	p := parts{lengths: map[uint64]int{}}
	for _, secret := range secrets {
		whole := fold(secret)
		p.add(whole, min(max(len(whole)/2, gramLength), maxPart), len(whole))
		if strings.ContainsAny(secret, "\r\n") {
			for line := range strings.FieldsFuncSeq(secret, func(r rune) bool { return r == '\r' || r == '\n' }) {
				line = fold(line)
				p.add(line, min(len(line), maxPart), len(whole))
			}
		}
		for word := range strings.FieldsSeq(secret) {
			if strings.ContainsFunc(word, unicode.IsDigit) && strings.ContainsFunc(word, unicode.IsLetter) {
				word = fold(word)
				p.add(word, min(len(word), maxPart), len(whole))
			}
		}
	}
	p.shift = 64 - bits.Len(uint(16*len(p.lengths)+63))
	p.filter = make([]uint64, 1<<(64-p.shift)/64)
	for gram := range p.lengths {
		bit := p.hash(gram)
		p.filter[bit/64] |= 1 << (bit % 64)
	}
	return p
}

// add adds the grams of a folded text. Its parts of at least this length are removed, and those of
// this other length if they contain nothing specific.
func (p *parts) add(text string, length, unspecific int) {
	gram := uint64(0)
	for i := range len(text) {
		gram = gram<<8 | uint64(text[i])
		if i < gramLength-1 {
			continue
		}
		need := length
		if !isSpecific(gram) {
			need = unspecific
		}
		if known, ok := p.lengths[gram]; !ok || need < known {
			p.lengths[gram] = need
		}
	}
}

// isSpecific reports whether a gram has at least minGramBytes different bytes.
func isSpecific(gram uint64) bool {
	var seen [4]uint64
	n := 0
	for ; gram > 0; gram >>= 8 {
		if c := gram & 0xff; seen[c/64]&(1<<(c%64)) == 0 {
			seen[c/64] |= 1 << (c % 64)
			n++
		}
	}
	return n >= minGramBytes
}

// fold returns text with each sequence of white space and plus signs replaced by a space, and
// without those at its ends.
func fold(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }), " ")
}

// isSpace reports whether c is white space, or a plus sign, which stands for a space in URLs.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == '+' }

// hash returns the bit of a gram in the filter.
func (p *parts) hash(gram uint64) uint64 { return gram * 0x9e3779b97f4a7c15 >> p.shift }

// length returns the length of the shortest part that contains gram and is removed. It returns 0 if
// no secret contains gram.
func (p *parts) length(gram uint64) int {
	if bit := p.hash(gram); p.filter[bit/64]&(1<<(bit%64)) == 0 {
		return 0
	}
	return p.lengths[gram]
}

// appendSpans appends the parts of text that are parts of secrets.
func (p *parts) appendSpans(spans []span, text string) []span {
	if len(p.lengths) == 0 {
		return spans
	}
	var (
		gram       uint64
		starts     [gramLength]int // where the last bytes begin
		n          int             // bytes so far; white space counts as one
		part       span            // the current sequence of grams
		have, need int             // its length, which is 0 if there is none, and the length that it must have
	)
	for i := range len(text) {
		c := text[i]
		if isSpace(c) {
			if c = ' '; byte(gram) == c {
				continue
			}
		}
		gram = gram<<8 | uint64(c)
		starts[n%gramLength] = i
		if n++; n < gramLength {
			continue
		}
		length := p.length(gram)
		switch {
		case length == 0:
			if have > 0 && have >= need {
				spans = append(spans, part)
			}
			have = 0
		case have == 0:
			part, have, need = span{starts[n%gramLength], i + 1}, gramLength, length
		default:
			part.end = i + 1
			have++
			need = min(need, length)
		}
	}
	if have > 0 && have >= need {
		spans = append(spans, part)
	}
	return spans
}
