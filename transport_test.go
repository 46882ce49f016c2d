package bigv_test

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// carrier is a transport of the caller's, of a type that cannot be compared.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// A transport may be anything: what it does not tell is taken for the worst.
func TestForeignTransport(t *testing.T) {
	for _, row := range []struct {
		name     string
		carry    carrier
		attempts int
		unknown  bool
		says     string
	}{
		{"an error without a trace may come after the work", func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") }, 1, true, "lost"},
		{"an error of dialing does not", func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}
		}, 3, false, "no route"},
		{"neither an answer nor an error", func(*http.Request) (*http.Response, error) { return nil, nil }, 1, true, "neither an answer nor an error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var carried atomic.Int64
			client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
				carried.Add(1)
				return row.carry(r)
			})))
			err := client.VirtualMachines.Reset(t.Context(), www1)
			assert.ErrorContains(t, err, row.says)
			assert.Equal(t, row.unknown, errors.Is(err, bigv.ErrOutcomeUnknown), "%v", err)
			e, ok := errors.AsType[*bigv.Error](err)
			require.True(t, ok)
			assert.Equal(t, row.attempts, e.Attempts)
			assert.EqualValues(t, row.attempts, carried.Load())
		})
	}
	t.Run("an answer without a body", func(t *testing.T) {
		client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"), bigv.WithTransport(carrier(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Request: r, ProtoMajor: 1}, nil
		})))
		assert.NoError(t, client.VirtualMachines.Reset(t.Context(), www1))
	})
}
