package bigv

import (
	"crypto/subtle"
	stdjson "encoding/json"
	"fmt"
	"log/slog"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Secret is text that does not print: a password, a token, an API key, a script
// with either in it. Every verb of fmt, log/slog, encoding/json and reflection
// see a placeholder. Only Reveal gives the text, for programs that need it: this
// package uses it to send the secret, and to find it in what is printed and remove
// it there. The zero Secret holds nothing.
type Secret struct {
	// A function is the one kind of value that no dumper can look into.
	reveal func() string
}

const redacted = "[redacted]"

// NewSecret keeps text as a secret. Empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal is the text.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal compares two secrets in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String is a placeholder, or nothing if there is no text.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format prints the placeholder under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue logs the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText gives the placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives the placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return stdjson.Marshal(s.String()) }

// UnmarshalText keeps text as a secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// UnmarshalJSON keeps a JSON string as a secret; null is none.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := stdjson.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a secret that is not a string")
	}
	*s = NewSecret(text)
	return nil
}

// revealed encodes secrets as what they are: for requests, and nothing else.
var revealed = json.MarshalToFunc(func(enc *jsontext.Encoder, s Secret) error {
	return enc.WriteToken(jsontext.String(s.Reveal()))
})

// revealing is revealed, and adds the secrets that it meets to seen, so that they
// can be removed from errors.
func revealing(seen *[]string) *json.Marshalers {
	return json.MarshalToFunc(func(enc *jsontext.Encoder, s Secret) error {
		text := s.Reveal()
		*seen = append(*seen, text)
		return enc.WriteToken(jsontext.String(text))
	})
}
