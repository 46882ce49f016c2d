// Package retry sends requests and retries those that may be retried, according
// to their idempotency and to what is known of the failed attempt.
//
// go-retryablehttp counts the attempts and waits between them. This package
// decides whether to retry and how long to wait.
package retry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/bigv-go/bigv/internal/transport"
	"github.com/hashicorp/go-retryablehttp"
)

// Client sends requests. Create one with NewClient.
type Client struct {
	http    *http.Client
	policy  Policy
	maxBody int64
	netHTTP bool // see transport.IsNetHTTP
}

// NewClient returns a Client that sends requests through client, retries them
// according to policy and reads at most maxBody bytes of a response.
func NewClient(client *http.Client, policy Policy, maxBody int64) *Client {
	return &Client{http: client, policy: policy, maxBody: maxBody, netHTTP: transport.IsNetHTTP(client)}
}

// Request is a request to send, the same in each attempt.
type Request struct {
	Method      string
	URL         *url.URL
	Header      http.Header
	Body        []byte
	Idempotency Idempotency
	Operation   string // names what the request does
	Gate        *Gate  // of the service; may be nil
	// Stream, unless nil, reads the body of a 2xx response, which is otherwise read
	// whole. With an error it reports whether the request may be retried, which it
	// may not once the caller has used a part of the body.
	Stream func(resp *http.Response) (retryable bool, err error)
	// Info, unless nil, is what Info returns for the contexts of the request.
	Info any
	// OnAttempt, unless nil, is called when an attempt has ended and it is decided
	// whether another follows.
	OnAttempt func(Attempt)
}

// Attempt describes one attempt to send a request.
type Attempt struct {
	Number     int
	StatusCode int         // 0 if there was no response
	Header     http.Header // of the response
	Body       []byte      // of the response, unless it was streamed
	Request    *Request
	Err        error // why there was no response, or why its body could not be read
	Duration   time.Duration
	Retry      bool          // whether another attempt follows
	Wait       time.Duration // until the next attempt; 0 if none follows
	GateWait   time.Duration // for the gate, before the attempt was sent
	NotSent    bool          // the gate remained closed, and Err is a *GateError
}

// Response is the last response to a request, or to several that belong to one
// call. Its StatusCode is 0 if there was none.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte // unless it was streamed
	ReadErr    error  // why the body could not be read, or not all of it
	Attempts   int    // attempts of all requests
	// OutcomeUnknown says that one of the attempts may have been applied, whatever
	// the last response was. If net/http has repeated a request by itself, the response
	// may be the one to the repetition.
	OutcomeUnknown bool
}

// OK reports whether the response is a 2xx.
func (r *Response) OK() bool { return r.StatusCode >= 200 && r.StatusCode < 300 }

// Do sends a request until it has a response that ends it, or must not be retried,
// and stores the response in resp. The error says why there is no response in it.
// Attempts and OutcomeUnknown are added to those of an earlier request.
func (c *Client) Do(ctx context.Context, req Request, resp *Response) error {
	*resp = Response{Attempts: resp.Attempts, OutcomeUnknown: resp.OutcomeUnknown}
	call := &call{ctx: ctx, client: c, req: req, response: resp, priorAttempts: resp.Attempts}
	defer func() { call.endContext() }()
	if call.enterGate() != nil {
		return call.end(nil)
	}
	if err := call.initRequest(); err != nil {
		return err
	}
	// Backoff and PrepareRetry are set by endAttempt, since most calls do not need them
	// and a method value is an allocation.
	call.library = retryablehttp.Client{
		HTTPClient:   c.http,
		RetryMax:     c.policy.MaxAttempts - 1,
		CheckRetry:   checkRetry,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	_, err := call.library.Do(&call.request)
	return call.end(err)
}

// call is the state of one Do.
type call struct {
	ctx     context.Context
	client  *Client
	req     Request
	library retryablehttp.Client
	request retryablehttp.Request // of library

	response      *Response
	priorAttempts int // of earlier requests, which do not count against the policy
	err           error

	// The current attempt.
	probe    int64           // the number of the probe that the attempt is, or 0
	attempt  *attemptContext // nil between attempts
	progress *progress       // nil if the request is safe

	last    Attempt       // the last attempt
	pending bool          // OnAttempt has not been called with it yet
	wait    time.Duration // until the next attempt

	gateWait  time.Duration // of the current attempt
	gateWaits time.Duration // of all attempts
}

// attemptContext is the context of an attempt. In its values checkRetry finds the call.
type attemptContext struct {
	*transport.Context
	call     *call
	reusable bool // net/http does not refer to it any more
}

type (
	callKey struct{}
	infoKey struct{}
)

// Value implements [context.Context].
func (a *attemptContext) Value(key any) any {
	switch key.(type) {
	case callKey:
		return a.call
	case infoKey:
		return a.call.req.Info
	}
	return a.Context.Value(key)
}

// Info returns the Info of the request that ctx, the context of an HTTP request,
// belongs to. It returns nil for the contexts of other requests.
func Info(ctx context.Context) any { return ctx.Value(infoKey{}) }

// initRequest makes the request for the library, with the context of the first
// attempt.
func (c *call) initRequest() error {
	ctx := c.startAttempt()
	// The transport adds the host and the header.
	c.request.Request = (&http.Request{
		Method: c.req.Method, URL: c.req.URL, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(c.req.Body) == 0 {
		return nil
	}
	var body any = c.req.Body
	if c.recordsBody() {
		body = retryablehttp.ReaderFunc(func() (io.Reader, error) {
			return &requestBody{Reader: *bytes.NewReader(c.req.Body), state: &c.progress.body}, nil
		})
	}
	err := c.request.SetBody(body)
	if c.req.Idempotency != Safe {
		c.request.GetBody = nil // without it, net/http cannot repeat the request by itself
	}
	return err
}

// recordsBody reports whether it is recorded that the transport reads the body.
func (c *call) recordsBody() bool {
	return !c.client.netHTTP && c.req.Idempotency != Safe && len(c.req.Body) > 0
}

// enterGate waits until the next attempt may be sent. The error is that of the call.
func (c *call) enterGate() error {
	var err error
	c.gateWait, c.probe, err = c.req.Gate.enter(c.ctx, &c.req, c.gateWaits)
	c.gateWaits += c.gateWait
	if closed, ok := err.(*GateError); ok {
		closed.Err, closed.Again = cmp.Or(c.err, closed.Err), c.response.Attempts > 0
		c.err = closed
		if c.req.OnAttempt != nil {
			c.pending = true
			c.last = Attempt{Number: c.response.Attempts + 1, Request: &c.req, Err: closed, GateWait: c.gateWait, NotSent: true}
		}
	}
	return err
}

// startAttempt prepares for an attempt and returns its context. Each records its own
// progress, since the transport may still be at work on the one before.
func (c *call) startAttempt() context.Context {
	c.attempt = &attemptContext{Context: transport.NewContext(c.ctx, c.client.http), call: c}
	c.attempt.Header = c.req.Header
	if c.req.Idempotency == Safe { // may be retried whatever the transport has done
		return c.attempt
	}
	c.progress = newProgress(c.client.netHTTP)
	if c.recordsBody() {
		c.progress.body.state.Store(bodyUnread)
	}
	var cancel func(cause error)
	if c.req.Idempotency == NonIdempotent {
		cancel = c.attempt.Cancel
	}
	return c.progress.withTrace(c.attempt, cancel)
}

// endContext ends the context of the current attempt, if there is one.
func (c *call) endContext() {
	if c.attempt != nil {
		c.attempt.End(c.attempt.reusable)
		c.attempt = nil // it may already belong to another call
	}
}

// checkRetry implements [retryablehttp.CheckRetry].
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	return ctx.Value(callKey{}).(*call).endAttempt(resp, err), nil
}

// endAttempt reads the response of an attempt and reports whether to retry.
func (c *call) endAttempt(resp *http.Response, err error) bool {
	r := c.newResult(resp, err)
	retry, outcomeUnknown := c.req.Idempotency.classify(r)
	out := c.response
	out.Attempts++
	outcomeUnknown = outcomeUnknown || c.progress.wasRepeated()
	out.OutcomeUnknown = out.OutcomeUnknown || outcomeUnknown
	// The caller sees the last response, unless this attempt has brought nothing but
	// the end of the context.
	c.err = r.err
	if resp != nil || c.ctx.Err() == nil || outcomeUnknown {
		out.StatusCode, out.Header, out.Body, out.ReadErr = r.status, r.header, r.body, r.readErr
	}
	if retry && r.excluded { // the next attempt uses another connection
		c.wait, retry = 0, c.ctx.Err() == nil
	} else if retry {
		c.wait, retry = c.client.policy.wait(c.ctx, out.Attempts-c.priorAttempts, r.header)
	}
	if retry {
		c.library.Backoff, c.library.PrepareRetry = c.backoff, c.prepareRetry
	}
	if c.req.OnAttempt != nil {
		c.pending = true
		c.last = Attempt{Number: out.Attempts, StatusCode: r.status, Header: r.header, Body: r.body, Request: &c.req,
			Err: cmp.Or(r.err, r.readErr), Duration: c.attempt.Elapsed(), GateWait: c.gateWait}
	}
	return retry
}

// newResult reads the response of an attempt, if there is one, and returns how the
// attempt ended.
func (c *call) newResult(resp *http.Response, err error) result {
	if outer, ok := err.(*url.Error); ok {
		err = outer.Err // its method and URL are reported elsewhere, and the URL may be a secret
	}
	if err != nil && context.Cause(c.attempt) == errReplayed {
		err = errReplayed
	}
	r := result{err: err}
	if resp != nil {
		r.status, r.header = resp.StatusCode, resp.Header
		c.req.Gate.leave(&c.req, c.probe, r, false) // before the body, which may take long
		if err == nil && c.req.Idempotency != Safe {
			r.err = transport.RefusedRedirect(resp)
		}
		if r.err == nil {
			r.body, r.rereadable, r.readErr = c.readBody(resp)
		}
		resp.Body.Close()
		resp.Body = http.NoBody // the library reads the rest
		c.attempt.reusable = err == nil && c.client.netHTTP && c.req.Idempotency == Safe
	}
	interrupted := c.ctx.Err() != nil
	if r.readErr != nil && interrupted {
		r.readErr = ContextError(c.ctx, r.readErr)
	}
	if err = r.err; err != nil {
		r.permanent = isPermanent(err) && !c.progress.hasSentHeaders()
		r.excluded = isExcluded(err)
		r.maybeApplied = c.progress.maybeApplied(err, interrupted)
		if resp == nil {
			c.req.Gate.leave(&c.req, c.probe, r, interrupted)
		}
		r.err = withoutAdvice(err)
	}
	return r
}

// readBody reads the body of a response, or has it read if it is a stream. With an
// error it reports whether reading it again may succeed.
func (c *call) readBody(resp *http.Response) (body []byte, retryable bool, err error) {
	if c.req.Stream == nil || resp.StatusCode >= 300 {
		body, err = transport.ReadBody(resp, c.client.maxBody)
		return body, !errors.Is(err, transport.ErrTooLarge), err
	}
	defer resp.Body.Close() // also if the caller panics
	retryable, err = c.req.Stream(resp)
	return nil, retryable, err
}

// backoff implements [retryablehttp.Backoff]. It returns the wait that endAttempt
// has decided on; the library calls it only if another attempt follows. The wait ends
// with the context of the call, since that of the attempt may have been cancelled.
func (c *call) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	c.request.Request = c.request.Request.WithContext(c.ctx)
	c.endContext()
	c.notify(true)
	return c.wait
}

// prepareRetry implements [retryablehttp.PrepareRetry]. It may change req, which
// the library has copied.
func (c *call) prepareRetry(req *http.Request) error {
	if err := c.enterGate(); err != nil {
		return err
	}
	*req = *req.WithContext(c.startAttempt())
	req.Header = http.Header{} // to which http.Client may have added cookies
	return nil
}

// end returns the error of the call, given that of the library.
func (c *call) end(err error) error {
	c.notify(false)
	if err != nil && c.err == nil { // the context ended while the library waited
		c.err = cmp.Or(c.response.ReadErr, err)
	}
	if c.err != nil && c.ctx.Err() != nil {
		c.err = ContextError(c.ctx, c.err)
	}
	return c.err
}

// notify calls OnAttempt with the attempt that has ended, unless it has been
// called with it.
func (c *call) notify(retry bool) {
	if !c.pending {
		return
	}
	c.pending = false
	if retry {
		c.last.Retry, c.last.Wait = true, c.wait
	}
	c.req.OnAttempt(c.last)
}
