package bigv_test

import (
	"syscall/js"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFetch checks that requests are sent with fetch, which does not follow redirects, and that a write is not repeated after fetch
// has failed: it does not say whether the request was sent.
func TestFetch(t *testing.T) {
	calls, redirect := 0, ""
	fetch := js.FuncOf(func(_ js.Value, args []js.Value) any {
		calls++
		redirect = args[1].Get("redirect").String()
		return js.Global().Get("Promise").Call("reject", js.Global().Get("TypeError").New("connection reset"))
	})
	defer fetch.Release()
	original := js.Global().Get("fetch")
	js.Global().Set("fetch", fetch)
	defer js.Global().Set("fetch", original)

	client, err := bigv.NewClient(bigv.WithBaseURL("https://api.example.org"), bigv.WithAPIKey("key"),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 3, MinWait: 1, MaxWait: 1}))
	require.NoError(t, err)
	_, err = client.Groups.Create(t.Context(), "acme", bigv.GroupCreate{Name: "web"})
	require.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
	assert.Equal(t, 1, calls, "a write")
	assert.Equal(t, "error", redirect)

	calls = 0
	_, err = client.Accounts.Get(t.Context(), "acme")
	require.ErrorContains(t, err, "connection reset")
	assert.Equal(t, 3, calls, "a read")
}
