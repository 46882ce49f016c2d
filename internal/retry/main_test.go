package retry

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roundTripper is a function that implements [http.RoundTripper].
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// quick is a policy of three attempts without waits.
var quick = Policy{MaxAttempts: 3}

// newTestClient returns a Client with long timeouts and a limit of 1,000 bytes for each response.
func newTestClient(base http.RoundTripper, policy Policy) *Client {
	return NewClient(transport.NewClient(nil, base, transport.Timeouts{Header: time.Minute, Idle: time.Minute}), policy, 1000)
}

// newResponse returns a response with a body of unknown length.
func newResponse(status int, header http.Header, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: -1}
}

// do sends a request and returns its response.
func do(ctx context.Context, c *Client, req Request) (*Response, error) {
	resp := &Response{}
	err := c.Do(ctx, req, resp)
	return resp, err
}

// newTestRequest returns a request with the method that is usual for its idempotency.
func newTestRequest(t *testing.T, rawURL string, idempotency Idempotency) Request {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	req := Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Idempotency: idempotency}
	if idempotency != Safe {
		req.Method, req.Body = http.MethodPut, []byte(`{"x":1}`)
	}
	if idempotency == NonIdempotent {
		req.Method = http.MethodPost
	}
	return req
}
