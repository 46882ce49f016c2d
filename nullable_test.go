package bigv_test

import (
	stdjson "encoding/json"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codecs are the JSON packages that programs use.
var codecs = map[string]struct {
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	"encoding/json": {stdjson.Marshal, stdjson.Unmarshal},
	"encoding/json/v2": {
		func(v any) ([]byte, error) { return json.Marshal(v) },
		func(b []byte, v any) error { return json.Unmarshal(b, v) },
	},
}

func TestNullable(t *testing.T) {
	t.Parallel()
	type holder struct {
		Text   bigv.Nullable[string]   `json:"text,omitzero"`
		Number bigv.Nullable[int]      `json:"number,omitzero"`
		List   bigv.Nullable[[]string] `json:"list,omitzero"`
	}
	for _, row := range []struct {
		name   string
		holder holder
		body   string
	}{
		{"unset is omitted", holder{}, `{}`},
		{"null is sent", holder{bigv.Null[string](), bigv.Null[int](), bigv.Null[[]string]()}, `{"text":null,"number":null,"list":null}`},
		{"values are sent", holder{bigv.Set("a"), bigv.Set(7), bigv.Set([]string{"x"})}, `{"text":"a","number":7,"list":["x"]}`},
		{"zero is a value", holder{bigv.Set(""), bigv.Set(0), bigv.Set([]string{})}, `{"text":"","number":0,"list":[]}`},
	} {
		for name, codec := range codecs {
			t.Run(row.name+"/"+name, func(t *testing.T) {
				body, err := codec.marshal(row.holder)
				require.NoError(t, err)
				assert.Equal(t, row.body, string(body))
				var back holder
				require.NoError(t, codec.unmarshal(body, &back))
				assert.Equal(t, row.holder, back)
				assert.Error(t, codec.unmarshal([]byte(`{"number":"x"}`), &back))
			})
		}
	}
	for name, codec := range codecs {
		body, err := codec.marshal(bigv.Nullable[string]{})
		require.NoError(t, err, name)
		assert.Equal(t, "null", string(body), "%s: there is no other way to write it outside of an object", name)
	}
	for _, row := range []struct {
		name                string
		n                   bigv.Nullable[int]
		value               int
		valued, null, unset bool
	}{
		{"unset", bigv.Nullable[int]{}, 0, false, false, true},
		{"null", bigv.Null[int](), 0, false, true, false},
		{"zero", bigv.Set(0), 0, true, false, false},
		{"seven", bigv.Set(7), 7, true, false, false},
	} {
		value, valued := row.n.Get()
		assert.Equal(t, row.value, value, row.name)
		assert.Equal(t, row.valued, valued, row.name)
		assert.Equal(t, row.null, row.n.IsNull(), row.name)
		assert.Equal(t, row.unset, row.n.IsZero(), row.name)
	}
}
