// Package redact removes secrets from texts that came from elsewhere: response
// bodies, headers and errors. It knows how a secret may be encoded in them.
package redact

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Placeholder replaces each secret.
const Placeholder = "[redacted]"

// minLength is the length from which a text is treated as a secret. A shorter one
// would be found everywhere.
const minLength = 4

// Redactor removes a set of secrets. The zero Redactor removes none. Create one
// with New.
type Redactor struct {
	secrets   []string
	encodings []string // of the secrets, in the encodings of the standard library
	decodings []string // what decoders may make of the encoded secrets
}

// New returns a Redactor of these secrets. Those of less than four bytes are
// ignored.
func New(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, secret := range secrets {
		if len(secret) < minLength {
			continue
		}
		r.secrets = append(r.secrets, secret)
		quoted := strconv.Quote(secret)
		r.encodings = append(r.encodings, secret, quoted[1:len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret))
		if escaped, err := jsontext.AppendQuote(nil, secret); err == nil {
			r.encodings = append(r.encodings, string(escaped[1:len(escaped)-1]))
		}
		validUTF8 := string([]rune(secret)) // as encoders write it that replace invalid bytes
		for _, decoded := range []string{secret, validUTF8} {
			r.decodings = append(r.decodings, decoded, strings.ReplaceAll(decoded, "+", " "))
		}
	}
	r.secrets, r.encodings, r.decodings = unique(r.secrets), unique(r.encodings), unique(r.decodings)
	return r
}

// unique sorts texts and removes duplicates.
func unique(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// Secrets returns the secrets, for a Redactor of another call that may meet them.
func (r *Redactor) Secrets() []string { return slices.Clone(r.secrets) }

// String returns text with the secrets removed, however JSON, HTML, a URL or a Go
// string literal encodes them. The rest of the text does not change.
func (r *Redactor) String(text string) string {
	return replace(text, r.find(text, r.encodings, maxDepth, false))
}

// Truncated returns a body that was cut short with the secrets removed, also a
// secret of which only the beginning is left.
func (r *Redactor) Truncated(body string) string {
	return replace(body, r.find(body, r.encodings, maxDepth, true))
}

// Error returns err, or if its text holds a secret, WithText of the redacted text.
func (r *Redactor) Error(err error, matches func(err, target error) bool) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := r.String(text); clean != text {
		return WithText(clean, err, matches)
	}
	return err
}

// maxDepth is how often a text is decoded in search of secrets: a JSON string may
// hold a URL, and an error may quote the JSON.
const maxDepth = 3

// span is the part of a text from start to end.
type span struct{ start, end int }

// find returns the parts of text that are secrets, in order and without overlap.
// It searches text for the given encodings, and decodes it depth times in search
// of others. If truncated, the end of text may be the beginning of a secret.
func (r *Redactor) find(text string, encodings []string, depth int, truncated bool) []span {
	var spans []span
	for _, encoding := range encodings {
		spans = appendOccurrences(spans, text, encoding)
		if truncated {
			spans = appendTruncated(spans, text, encoding)
		}
	}
	if depth > 0 {
		for _, d := range decoders {
			if decoded := d.decode(text); decoded != text {
				spans = append(spans, d.locate(text, r.find(decoded, r.decodings, depth-1, truncated))...)
			}
		}
	}
	return merge(spans)
}

// appendOccurrences appends the occurrences of secret in text. Those that overlap
// with the one before are left out: they are no longer whole without it.
func appendOccurrences(spans []span, text, secret string) []span {
	for start := 0; ; {
		i := strings.Index(text[start:], secret)
		if i < 0 {
			return spans
		}
		spans = append(spans, span{start + i, start + i + len(secret)})
		start += i + len(secret)
	}
}

// appendTruncated appends the end of text if it is the beginning of secret. An
// incomplete escape sequence may follow.
func appendTruncated(spans []span, text, secret string) []span {
	borders := findBorders(secret)
	n := 0 // length of the longest prefix of secret that ends at i
	for i := max(0, len(text)-len(secret)-maxEscape); i <= len(text); i++ {
		if n >= minLength && (i == len(text) || isIncompleteEscape(text[i:])) {
			spans = append(spans, span{i - n, len(text)})
		}
		if i < len(text) {
			n = extendPrefix(secret, borders, n, text[i])
		}
	}
	return spans
}

// findBorders returns for each prefix of text the length of its longest border: of
// the part, shorter than the prefix, that is both its beginning and its end. The
// algorithm is that of Knuth, Morris and Pratt.
func findBorders(text string) []int {
	borders := make([]int, len(text))
	for i := 1; i < len(text); i++ {
		borders[i] = extendPrefix(text, borders, borders[i-1], text[i])
	}
	return borders
}

// extendPrefix returns the length of the longest prefix of text that ends with c,
// if the longest one that ends before c has n bytes.
func extendPrefix(text string, borders []int, n int, c byte) int {
	for n > 0 && (n == len(text) || text[n] != c) {
		n = borders[n-1]
	}
	if text[n] == c {
		n++
	}
	return n
}

// merge sorts spans and joins those that overlap.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	merged := spans[:0]
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && s.start < merged[last].end {
			merged[last].end = max(merged[last].end, s.end)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// replace returns text with a placeholder instead of each span.
func replace(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	end := 0
	for _, s := range spans {
		b.WriteString(text[end:s.start])
		b.WriteString(Placeholder)
		end = s.end
	}
	b.WriteString(text[end:])
	return b.String()
}

// WithText returns an error with this text instead of err's. It has no Unwrap,
// since a printed chain of errors would show the text of err. matches reports
// whether [errors.Is] of the new error and target is true.
func WithText(text string, err error, matches func(err, target error) bool) error {
	return &redactedError{text, func(target error) bool { return matches(err, target) }}
}

// redactedError is an error with another text. It holds the original error in a
// function, which no verb of package fmt prints.
type redactedError struct {
	text string
	is   func(target error) bool
}

// Error returns the redacted text.
func (e *redactedError) Error() string { return e.text }

// Is reports whether the error matches target.
func (e *redactedError) Is(target error) bool { return e.is(target) }
