package bigv

import (
	"encoding/json"

	"github.com/bigv-go/bigv/internal/wire"
)

// Nullable is an attribute that can be cleared. Its zero value is unset: it is
// left out of the request, and the attribute stays as it is. Set gives it a
// value, Null clears it.
type Nullable[T any] struct {
	value T
	state nullableState
}

type nullableState uint8

const (
	unset nullableState = iota
	null
	valued
)

// Set is a Nullable with a value, which may be zero: an empty string is sent.
func Set[T any](value T) Nullable[T] { return Nullable[T]{value: value, state: valued} }

// Null is a Nullable that clears the attribute: null is sent.
func Null[T any]() Nullable[T] { return Nullable[T]{state: null} }

// Get is the value, and false if it is unset or null.
func (n Nullable[T]) Get() (T, bool) { return n.value, n.state == valued }

// IsNull reports whether it is null.
func (n Nullable[T]) IsNull() bool { return n.state == null }

// IsZero reports whether it is unset, and so is left out of a request.
func (n Nullable[T]) IsZero() bool { return n.state == unset }

// MarshalJSON gives the value, or null if there is none.
func (n Nullable[T]) MarshalJSON() ([]byte, error) {
	if n.state != valued {
		return []byte("null"), nil
	}
	return json.Marshal(n.value)
}

// UnmarshalJSON reads a value or null.
func (n *Nullable[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Null[T]()
		return nil
	}
	var value T
	if err := wire.Unmarshal(data, &value); err != nil {
		return err
	}
	*n = Set(value)
	return nil
}
