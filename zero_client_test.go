package bigv_test

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bigv-go/bigv"
)

// A Client that NewClient has not made returns errors that say so, and panics nowhere.
func TestZeroClient(t *testing.T) {
	const text = "create it with NewClient"
	zeroServices := &bigv.Client{}
	for _, field := range reflect.ValueOf(zeroServices).Elem().Fields() {
		if field.CanSet() {
			field.Set(reflect.New(field.Type().Elem()))
		}
	}
	for name, c := range map[string]*bigv.Client{"zero client": {}, "zero services": zeroServices} {
		t.Run(name, func(t *testing.T) {
			eachMethod(t, func(m method) {
				_, err := m.call(t.Context(), c, argsThatEnd(t, m, func() {})...)
				if assert.ErrorContains(t, err, text, m.name) {
					assert.NotErrorIs(t, err, bigv.ErrOutcomeUnknown, m.name)
				}
			})
			assert.ErrorContains(t, c.Do(t.Context(), http.MethodGet, "/accounts", nil, nil), text)
			_, err := c.With(bigv.WithToken("t0ken"))
			assert.ErrorContains(t, err, text)
			c.CloseIdleConnections()
			assert.Equal(t, "bigv.Client()", fmt.Sprint(c))
		})
	}
}
