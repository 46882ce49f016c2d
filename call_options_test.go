package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithHeader(t *testing.T) {
	srv := fakeserver.New(t, fakeserver.Respond(200, "{}"))
	client := newClient(t, srv)
	const reserved, invalid = "is set by the client", "is invalid"
	for _, tt := range []struct {
		name, header, value string
		message             string // of the error, if there is one
	}{
		{"another header", "X-Request-Id", "7", ""},
		{"a tab", "X-Request-Id", "a\tb", ""},
		{"Authorization", "authorization", "Bearer other", reserved},
		{"Host", "HOST", "evil.example", reserved},
		{"Content-Length", "Content-Length", "0", reserved},
		{"Content-Type", "Content-Type", "text/plain", reserved},
		{"Accept-Encoding", "accept-encoding", "gzip", reserved},
		{"Idempotency-Key, with which net/http would repeat requests", "idempotency-key", "1", "net/http would repeat the request"},
		{"X-Idempotency-Key", "X-Idempotency-Key", "1", "net/http would repeat the request"},
		{"a name with a space", "X Y", "1", invalid},
		{"a name with a colon", "X:", "1", invalid},
		{"a name with a line break", "X\r\nY", "1", invalid},
		{"a name that is not ASCII", "Ä", "1", invalid},
		{"an empty name", "", "1", invalid},
		{"a value with a line break", "X", "1\r\nAuthorization: Bearer other", "control character"},
		{"a value with NUL", "X", "\x00", "control character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv.Reset()
			err := client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithHeader(tt.header, tt.value))
			if tt.message != "" {
				assert.ErrorContains(t, err, tt.message)
				assert.ErrorContains(t, err, notSentText)
				assert.NotContains(t, err.Error(), "Bearer other")
				assert.Empty(t, srv.Requests())
				return
			}
			require.NoError(t, err)
			header := srv.Requests()[0].Header
			assert.Equal(t, tt.value, header.Get(tt.header))
			assert.Equal(t, "Bearer t0ken", header.Get("Authorization"))
		})
	}
}

func TestInvalidCallOptions(t *testing.T) {
	client := start(t, nil)
	err := client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(nil), nil, bigv.WithHeader("", ""))
	assert.ErrorContains(t, err, "response of WithResponse is nil")
	assert.ErrorContains(t, err, "is invalid")
	assert.NoError(t, client.Do(t.Context(), "POST", "/x", nil, nil, nil), "a nil option is ignored")
}

func TestWithResponse(t *testing.T) {
	client := start(t, fakeserver.Respond(200, "{}", "X-Answer", "yes"))
	var response bigv.Response
	require.NoError(t, client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(&response)))
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, 1, response.Attempts)
	assert.Equal(t, "yes", response.Header.Get("X-Answer"))
	require.Error(t, client.Do(t.Context(), "POST", "/x", nil, nil, bigv.WithResponse(&response), bigv.WithHeader("", "")))
	assert.Zero(t, response, "a call that sends nothing clears the response")
}

// Methods that add call options of their own must not write into the slice of the caller.
func TestCallOptionsAreNotModified(t *testing.T) {
	client := start(t, fakeserver.Respond(200, "{}"))
	opts := make([]bigv.CallOption, 1, 8)
	opts[0] = bigv.WithDeleted()
	require.NoError(t, client.Do(t.Context(), "GET", "/x?a=1&b=2", nil, nil, opts...))
	_, err := client.VirtualMachines.Resolve(t.Context(), bigv.VirtualMachineID(7), opts...)
	assert.Error(t, err)
	for _, opt := range opts[:8][1:] {
		assert.Nil(t, opt)
	}
}
