// Package redact removes secrets from texts that came from elsewhere: response
// bodies, headers and errors. It knows how a secret may be encoded in them.
package redact

import (
	"errors"
	"net"
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

// Redactor removes a set of secrets from texts, and the user names and passwords of URLs. The zero
// Redactor removes only these. Create one with New.
type Redactor struct {
	secrets   []string
	encodings []string // of the secrets, in the encodings of the standard library
	decodings []string // what decode may make of the encoded secrets
	short     []string // those decodings that have no grams
	parts     parts
}

// New returns a Redactor of these secrets. Those of less than four bytes are ignored.
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
		for _, text := range append(decodings(secret), validUTF8) {
			for _, text := range []string{text, strings.TrimSpace(text)} {
				r.decodings = append(r.decodings, text, strings.ReplaceAll(text, "+", " "), strings.ReplaceAll(text, " ", "+"))
			}
		}
	}
	r.secrets, r.encodings, r.decodings = unique(r.secrets), unique(r.encodings), unique(r.decodings)
	r.decodings = slices.DeleteFunc(r.decodings, func(text string) bool { return len(text) < minLength })
	for _, text := range r.decodings {
		if len(fold(text)) < gramLength {
			r.short = append(r.short, text)
		}
	}
	r.parts = newParts(r.decodings)
	return r
}

// unique sorts texts and removes duplicates.
func unique(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// Secrets returns the secrets, for a Redactor of another call that may meet them.
func (r *Redactor) Secrets() []string { return slices.Clone(r.secrets) }

// String returns text with the secrets removed, however JSON, HTML, a URL, a Go string literal or
// base64 encodes them, and parts of them: at least eight bytes that are half of the secret, any 16
// bytes, and lines, and words with digits in them, of at least eight bytes. The rest of the text does not change.
func (r *Redactor) String(text string) string { return replace(text, r.find(text, 0, false)) }

// Truncated returns a body that was cut short with the secrets removed, also a secret of which only
// the first four bytes or more are left.
func (r *Redactor) Truncated(body string) string { return replace(body, r.find(body, 0, true)) }

// Error returns err, or if its text or that of an error that it wraps holds a secret, WithText of
// the redacted text.
func (r *Redactor) Error(err error, matches func(err, target error) bool) error {
	if !r.holdsSecret(err) {
		return err
	}
	return WithText(r.String(err.Error()), err, matches)
}

// holdsSecret reports whether the text of err, or of an error that it wraps, holds a secret.
func (r *Redactor) holdsSecret(err error) bool {
	if err == nil {
		return false
	}
	if len(r.find(err.Error(), 0, false)) > 0 {
		return true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return r.holdsSecret(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapper.Unwrap(), r.holdsSecret)
	}
	return false
}

const (
	// maxDepth is how often a text is decoded in search of secrets: a JSON string may hold a URL, and
	// an error may quote the JSON.
	maxDepth = 4
	// maxCombinations limits the time for decoding each language of a text by itself, in every order. In
	// longer texts, all are decoded at once.
	maxCombinations = 64 << 10
	// maxBase64Depth is how often a text is decoded in search of base64.
	maxBase64Depth = 1
)

// span is the part of a text from start to end.
type span struct{ start, end int }

// find returns the parts of text that are secrets, in order and without overlap. depth is how often
// the text has been decoded. If truncated, the end of text may be the beginning of a secret.
func (r *Redactor) find(text string, depth int, truncated bool) []span {
	spans := appendUserinfo(nil, text)
	if depth == 0 {
		for _, encoding := range r.encodings {
			spans = appendOccurrences(spans, text, encoding)
			if truncated {
				spans = appendTruncated(spans, text, encoding)
			}
		}
	}
	spans = r.appendSpans(spans, text, truncated)
	if depth <= maxBase64Depth && len(r.decodings) > 0 {
		spans = r.appendBase64(spans, text, truncated)
	}
	if depth == maxDepth {
		return merge(spans)
	}
	tried := []string{text}
	for _, language := range languages {
		if language != escapes && len(text)<<(2*depth) > maxCombinations {
			continue
		}
		if decoded := decode(text, language); !slices.Contains(tried, decoded) {
			spans = append(spans, locate(text, language, r.find(decoded, depth+1, truncated))...)
			tried = append(tried, decoded)
		}
	}
	return merge(spans)
}

// appendBase64 appends the parts of text that are base64 of secrets or of parts of secrets.
func (r *Redactor) appendBase64(spans []span, text string, truncated bool) []span {
	parts := findBase64(text)
	isGram := func(part span) bool { return part.end-part.start >= minGramRun }
	if len(parts) == 0 || !truncated && len(r.short) == 0 && !slices.ContainsFunc(parts, isGram) {
		return spans
	}
	for phase := range 4 {
		decoded, runs := decodeBase64(text, parts, phase)
		cut := truncated && len(runs) > 0 && runs[len(runs)-1].end == len(text)
		spans = append(spans, locateRuns(runs, merge(r.appendSpans(nil, decoded, cut)))...)
	}
	return spans
}

// appendSpans appends the decoded secrets and parts of secrets in text.
func (r *Redactor) appendSpans(spans []span, text string, truncated bool) []span {
	for _, secret := range r.short {
		spans = appendOccurrences(spans, text, secret)
	}
	if truncated {
		for _, secret := range r.decodings {
			spans = appendTruncated(spans, text, secret)
		}
	}
	return r.parts.appendSpans(spans, text)
}

// Passwords returns the passwords of the URLs in a text, as they are written there and decoded.
func Passwords(text string) []string {
	var passwords []string
	for _, s := range appendUserinfo(nil, text) {
		_, password, _ := strings.Cut(text[s.start:s.end], ":")
		passwords = append(passwords, password, decode(password, "%"))
	}
	return passwords
}

// appendUserinfo appends the user names and passwords of the URLs in text.
func appendUserinfo(spans []span, text string) []span {
	for start := 0; ; {
		i := strings.Index(text[start:], "://")
		if i < 0 {
			return spans
		}
		start += i + len("://")
		n := strings.IndexAny(text[start:], "@/?#\\\"'<> \t\r\n")
		if n > 0 && text[start+n] == '@' {
			spans = append(spans, span{start, start + n})
		}
	}
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

// merge returns spans in order, with those that overlap joined. Since their starts and ends are sorted
// separately, a span of the result begins where as many spans have ended as have begun before.
func merge(spans []span) []span {
	starts, ends := make([]int, len(spans)), make([]int, len(spans))
	for i, s := range spans {
		starts[i], ends[i] = s.start, s.end
	}
	slices.Sort(starts)
	slices.Sort(ends)
	merged := spans[:0]
	for i, start := range starts {
		if i == 0 || ends[i-1] <= start {
			merged = append(merged, span{start: start})
		}
		merged[len(merged)-1].end = ends[i]
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
// whether [errors.Is] of the new error and target is true. If err is or wraps a [net.Error], the new
// error is one too.
func WithText(text string, err error, matches func(err, target error) bool) error {
	redacted := redactedError{text, func(target error) bool { return matches(err, target) }}
	if netError, ok := errors.AsType[net.Error](err); ok {
		return &redactedNetError{redacted, netError.Timeout()}
	}
	return &redacted
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

// redactedNetError is a redactedError that implements [net.Error].
type redactedNetError struct {
	redactedError
	timeout bool
}

// Timeout reports whether the original error is a timeout.
func (e *redactedNetError) Timeout() bool { return e.timeout }

// Temporary reports whether the original error is a timeout.
func (e *redactedNetError) Temporary() bool { return e.timeout }
