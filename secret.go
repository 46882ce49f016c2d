package bigv

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/bigv-go/bigv/internal/redact"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Secret holds confidential text, such as a password, a token, an API key or a script that contains
// one. The fmt verbs, log/slog, encoding/json and reflection show a placeholder instead of the
// text. Only Reveal returns it. The zero Secret holds no text.
//
// This package calls Reveal to send the secret, and to redact it where a response repeats it. A
// secret of fewer than four bytes is not redacted in responses. A request that contains the
// placeholder, because the program has printed a secret into it, is not sent.
type Secret struct {
	// Reflection cannot read the variables of a closure.
	reveal func() string
}

// NewSecret returns a Secret that holds text. For empty text it returns the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal returns the plaintext.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret holds no text.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether two secrets are equal, in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns a placeholder, or an empty string if the secret holds no text.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redact.Placeholder
}

// Format implements fmt.Formatter. It writes the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer. It returns the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler. It returns the placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements json.Marshaler. It returns the placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText implements encoding.TextUnmarshaler. Empty text gives the zero Secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. It reads a string; null gives the zero Secret.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	// Not encoding/json: a program that uses nothing else of its decoder is smaller without it.
	if err := json.Unmarshal(data, &text, jsontext.AllowInvalidUTF8(true)); err != nil {
		return errors.New("secret is not a JSON string")
	}
	*s = NewSecret(text)
	return nil
}

// requestMarshalers encode a request, for which they take precedence over MarshalJSON: they write
// what reveal returns for each secret.
func requestMarshalers(reveal func(Secret) string) *json.Marshalers {
	return json.JoinMarshalers(
		json.MarshalToFunc(func(enc *jsontext.Encoder, s Secret) error {
			return enc.WriteToken(jsontext.String(reveal(s)))
		}),
		json.MarshalToFunc(func(enc *jsontext.Encoder, v requestValue) error {
			return json.MarshalEncode(enc, v.requestValue())
		}),
	)
}

// requestValue is implemented by types with a MarshalJSON method that may hold secrets, which that
// method cannot reveal. requestValue returns what is encoded in a request instead.
type requestValue interface{ requestValue() any }

// plaintext holds the marshalers of requests, which are made when the first body is encoded. A function of
// sync.OnceValue would be in every program.
var plaintext struct {
	once       sync.Once
	marshalers *json.Marshalers
}

// encodeFunc is the type of encodeBody. Operations with a body refer to it, so that a program that sends none
// does not contain the encoder.
type encodeFunc func(body any, reveal func(Secret) string) ([]byte, error)

// encodeBody encodes the body of a request as JSON. It writes what reveal returns for each secret, or
// the plaintext if reveal is nil.
func encodeBody(body any, reveal func(Secret) string) ([]byte, error) {
	if reveal != nil {
		return jsonwire.Marshal(body, requestMarshalers(reveal))
	}
	plaintext.once.Do(func() { plaintext.marshalers = requestMarshalers(Secret.Reveal) })
	return jsonwire.Marshal(body, plaintext.marshalers)
}

// bodySecrets returns the secrets in a request body, and the passwords in its URLs, so that they can be
// redacted from the response.
func bodySecrets(body any, encode encodeFunc) []string {
	if body == nil {
		return nil
	}
	var secrets []string
	encoded, err := encode(body, func(s Secret) string {
		secrets = append(secrets, s.Reveal())
		return ""
	})
	if err != nil {
		return nil // such a body is never sent
	}
	return append(secrets, redact.Passwords(string(encoded))...)
}

// escapedPlaceholder is the placeholder as url.Values.Encode writes it.
const escapedPlaceholder = "%5Bredacted%5D"

// checkNoPlaceholder returns an error if a request contains the placeholder of a secret: the service
// would take it for a password, for example.
func (req *request) checkNoPlaceholder() error {
	where := ""
	switch {
	case bytes.Contains(req.encoded, []byte(redact.Placeholder)):
		where = "body"
	case strings.Contains(req.url.Path, redact.Placeholder):
		where = "path"
	case strings.Contains(req.url.RawQuery, escapedPlaceholder):
		where = "query"
	}
	for name, values := range req.config.header {
		if strings.Contains(strings.Join(values, " "), redact.Placeholder) {
			where = "header " + name
		}
	}
	if where == "" {
		return nil
	}
	return fmt.Errorf("the %s contains %s, which is what a Secret prints as: use the result of its Reveal method, "+
		"also in a MarshalJSON method", where, redact.Placeholder)
}
