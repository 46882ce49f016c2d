package bigv

import (
	"encoding/json"

	"github.com/bigv-go/bigv/internal/jsonwire"
)

// Nullable is an attribute of an update that can be set, cleared or left unchanged. The zero value
// is unset: it is not sent, and the attribute keeps its value. Set returns a Nullable with a value,
// Null one that clears the attribute.
type Nullable[T any] struct {
	value T
	state nullableState
}

// nullableState is the state of a Nullable.
type nullableState uint8

const (
	unset nullableState = iota
	null
	valued
)

// Set returns a Nullable with a value. A zero value is sent too, such as an empty string.
func Set[T any](value T) Nullable[T] { return Nullable[T]{value: value, state: valued} }

// Null returns a Nullable that clears the attribute by sending null.
func Null[T any]() Nullable[T] { return Nullable[T]{state: null} }

// Get returns the value, and reports whether there is one.
func (n Nullable[T]) Get() (T, bool) { return n.value, n.state == valued }

// IsNull reports whether n is null.
func (n Nullable[T]) IsNull() bool { return n.state == null }

// IsZero reports whether n is unset, and so is not sent.
func (n Nullable[T]) IsZero() bool { return n.state == unset }

// MarshalJSON implements json.Marshaler. It writes null if there is no value.
func (n Nullable[T]) MarshalJSON() ([]byte, error) {
	if n.state != valued {
		return []byte("null"), nil
	}
	return json.Marshal(n.value)
}

// requestValue implements [requestValue].
func (n Nullable[T]) requestValue() any {
	if n.state != valued {
		return nil
	}
	return n.value
}

// UnmarshalJSON implements json.Unmarshaler. null gives Null.
func (n *Nullable[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Null[T]()
		return nil
	}
	var value T
	if err := jsonwire.Unmarshal(data, &value); err != nil {
		return err
	}
	*n = Set(value)
	return nil
}
