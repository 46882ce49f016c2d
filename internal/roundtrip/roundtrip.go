// Package roundtrip carries one request to the service and one answer back,
// sending again only what is safe to send again.
package roundtrip

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Class says what becomes of the world when a request is carried out twice.
type Class int

const (
	// Safe requests change nothing: GET.
	Safe Class = iota
	// Repeatable requests end in the same state however often they are carried
	// out: a PUT of absolute values, a DELETE.
	Repeatable
	// Once requests must never be carried out twice.
	Once
)

// Policy bounds the repetition of a request and the size of its answer.
type Policy struct {
	MaxAttempts int           // 1 is no repetition
	MinWait     time.Duration // the first wait is at most this long
	MaxWait     time.Duration // no wait is longer, whatever Retry-After asks
	MaxBody     int64         // bytes of an answer that is read whole
}

// Request is what is sent, each time the same.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
	Class  Class
	// Stream leaves the body of a 2xx answer for the caller to read and close.
	Stream bool
	// Info is what transports find in the request's context under InfoKey.
	Info any
	// OnAttempt, unless nil, is told of each attempt when it has ended.
	OnAttempt func(Attempt)
}

// Attempt is one sending of a request.
type Attempt struct {
	Number     int
	StatusCode int         // 0 when there was no answer
	Header     http.Header // of the answer
	Body       []byte      // of the answer, unless it is streamed
	Request    *Request    // what was sent
	Err        error
	Duration   time.Duration
	Wait       time.Duration // before the next attempt; meaningful if Retry
	Retry      bool
}

// Response is the last answer. Its zero StatusCode says that there was none.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte        // read whole, unless streamed
	Stream     io.ReadCloser // the body of a streamed 2xx answer
	Cut        error         // why Body is not all of the answer, or nil
	Attempts   int
	// End, unless nil, tells OnAttempt that the reading of a streamed answer has
	// ended, and how: nobody but the reader knows.
	End func(err error, retry bool, wait time.Duration)
	// Unanswered says that an attempt was written and its fate is not known:
	// the work may have been done whatever the last answer was.
	Unanswered bool
}

// OK reports whether the answer is a 2xx.
func (r *Response) OK() bool { return r.StatusCode >= 200 && r.StatusCode < 300 }

// ErrTooLarge is the cause of an answer that was cut by Policy.MaxBody.
var ErrTooLarge = errors.New("the answer is larger than the limit")

// Sender sends requests through an HTTP client. Make one with NewSender.
type Sender struct{ retrier retryablehttp.Client }

// NewSender makes a Sender, and wraps the client's transport so that no attempt
// lasts beyond the limits. What differs from request to request is found by the
// request's context, so that one retrier serves all.
func NewSender(client *http.Client, limits Limits) *Sender {
	client.Transport = limit(client.Transport, limits)
	return &Sender{retryablehttp.Client{
		HTTPClient: client,
		RetryMax:   math.MaxInt32, // the policy of the request is what counts
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			return ctx.Value(callKey{}).(*call).check(resp, err)
		},
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 }, // check has waited
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
}

// Send sends the request until the policy or its class forbids another attempt.
// It returns a Response always; err says why there is no answer in it.
func Send(ctx context.Context, sender *Sender, policy Policy, req *Request) (*Response, error) {
	call := &call{Context: ctx, client: sender.retrier.HTTPClient, policy: policy, req: req}
	call.base = call
	if req.Class != Safe { // which may be sent again whatever became of it
		call.base = httptrace.WithClientTrace(call, call.newTrace())
	}
	httpReq := (&http.Request{
		Method: req.Method, URL: req.URL, Host: req.URL.Host, Header: req.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(call.begin())
	var retryable *retryablehttp.Request
	var err error
	if retryable, err = retryablehttp.FromRequest(httpReq); err == nil && len(req.Body) > 0 {
		err = retryable.SetBody(req.Body)
	}
	if err != nil {
		return &call.response, err
	}
	call.carrier = retryable
	call.started = time.Now()
	if _, err = sender.retrier.Do(retryable); err != nil && call.err == nil {
		call.err = err // the context ended while waiting for the next attempt
	}
	if call.err != nil && ctx.Err() != nil {
		call.err = Interrupted(ctx, call.err)
	}
	return &call.response, call.err
}

// Interrupted is the error of a call that its context ended: the context's, with
// its cause and what went wrong before, or nil.
func Interrupted(ctx context.Context, last error) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	why := cause
	if !errors.Is(cause, err) {
		why = fmt.Errorf("%w: %w", err, cause)
	}
	if last != nil && !errors.Is(last, err) && !errors.Is(last, cause) {
		return fmt.Errorf("%w (before that: %w)", why, last)
	}
	return why
}

// call is the state of one Send, and the context in which its requests find it.
type call struct {
	context.Context
	client   *http.Client
	policy   Policy
	req      *Request
	response Response
	err      error
	started  time.Time
	// What the transport told of the attempt that is under way, unless it is Safe.
	traced, connected, written, sent atomic.Bool

	// Each attempt has a context of its own, for its time limits to end: base, made
	// cancellable. It is made here, since limited would have to copy the request.
	base, attempt context.Context
	abandon       context.CancelCauseFunc // ends the attempt
	taken         bool                    // by limited, which ends it
	carrier       *retryablehttp.Request  // has the attempt's context
}

// begin makes the context of the next attempt. With a timeout of the client's own
// there is none: each request of an attempt gets one of the http.Client's, and
// limited has to copy that.
func (c *call) begin() context.Context {
	if c.client.Timeout != 0 {
		c.taken = true
		return c.base
	}
	c.attempt, c.abandon = context.WithCancelCause(c.base)
	c.taken = false
	return c.attempt
}

type callKey struct{}

// InfoKey is what the contexts of requests have Request.Info under.
type InfoKey struct{}

// Value tells those further down of the call.
func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case InfoKey:
		return c.req.Info
	}
	return c.Context.Value(key)
}

// newTrace makes the transport tell how far an attempt has come. WroteHeaders
// comes before the last byte leaves, so a request that it has not reported has not
// been carried out when its connection is gone. An attempt that was interrupted
// may yet be written by the transport behind our back: what it had a connection
// for counts as written. A transport that reports nothing at all may have done
// anything.
//
// Over HTTP/2 net/http sends again by itself what the service reset with a
// protocol error, whatever it had done by then: it begins by getting a connection.
// A refused stream, of which nothing was done, looks the same and is lost too.
func (c *call) newTrace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			c.traced.Store(true)
			if c.req.Class == Once && c.sent.Load() {
				c.abandon(errAgain)
			}
		},
		WroteRequest: func(wrote httptrace.WroteRequestInfo) { c.sent.Store(wrote.Err == nil) },
		GotConn:      func(httptrace.GotConnInfo) { c.connected.Store(true) },
		WroteHeaders: func() { c.written.Store(true) },
	}
}

// errAgain is the end of an attempt that net/http was about to repeat.
var errAgain = errors.New("the service broke the request off")

// check is told by retryablehttp of each attempt. It reads the answer, decides,
// and waits until the next attempt.
func (c *call) check(resp *http.Response, err error) (bool, error) {
	ctx := c.Context // that of the attempt may have been ended by us
	out := &c.response
	out.Attempts++
	if outer, ok := err.(*url.Error); ok {
		err = outer.Err // method and URL are told elsewhere, and the URL may be a secret
	}
	var cut error
	if resp != nil {
		unpack(resp)
		out.StatusCode, out.Header, out.Body, out.Cut, out.Stream = resp.StatusCode, resp.Header, nil, nil, nil
		switch {
		case err != nil:
			resp.Body.Close() // a redirect that was refused
		case c.req.Stream && out.OK():
			out.Stream = resp.Body
		default:
			limit := c.policy.MaxBody
			if !out.OK() {
				limit = min(limit, maxErrorAnswer)
			}
			out.Body, cut = readAll(resp, limit)
			out.Cut = cut
			resp.Body.Close()
			resp.Body = http.NoBody
		}
	}
	if cut != nil && ctx.Err() != nil {
		cut = Interrupted(ctx, cut)
		out.Cut = cut
	}
	retry, lost := c.verdict(resp, err, cut, ctx.Err() != nil)
	if ctx.Err() != nil {
		retry = false // the caller's wish to stop ends the call, not the service's
	}
	if lost {
		out.Unanswered = true
	}
	if err == nil {
		c.err = nil
	} else if c.err = err; resp == nil && (ctx.Err() == nil || lost) {
		// The last attempt is what the caller is told of, unless nothing came of
		// it but the end of the context.
		out.StatusCode, out.Header, out.Body, out.Cut = 0, nil, nil, nil
	}
	var wait time.Duration
	if retry {
		var header http.Header
		if resp != nil {
			header = resp.Header
		}
		wait, retry = c.policy.Next(ctx, out.Attempts, header)
	}
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	if out.Stream != nil {
		out.End = func(err error, retry bool, wait time.Duration) { c.tell(status, err, retry, wait) }
	} else {
		c.tell(status, cmp.Or(err, cut), retry, wait)
	}
	if retry && !Sleep(ctx, wait) {
		retry, c.err = false, cmp.Or(c.err, ctx.Err())
	}
	if retry {
		c.traced.Store(false)
		c.connected.Store(false)
		c.written.Store(false)
		c.sent.Store(false)
		c.carrier.Request = c.carrier.Request.WithContext(c.begin())
		c.started = time.Now()
	}
	return retry, nil
}

// tell tells OnAttempt of the attempt that has ended.
func (c *call) tell(status int, err error, retry bool, wait time.Duration) {
	if c.req.OnAttempt == nil {
		return
	}
	attempt := Attempt{Number: c.response.Attempts, StatusCode: status, Request: c.req, Err: err, Duration: time.Since(c.started), Retry: retry}
	if status != 0 {
		attempt.Header, attempt.Body = c.response.Header, c.response.Body
	}
	if retry {
		attempt.Wait = wait
	}
	c.req.OnAttempt(attempt)
}

// verdict is the table of what may be sent again. lost says that the attempt
// may have reached the service and nobody knows what it did; stopped, that the
// caller's context has ended.
func (c *call) verdict(resp *http.Response, err, cut error, stopped bool) (retry, lost bool) {
	class := c.req.Class
	if resp == nil || err != nil {
		if resp != nil || permanent(err) && !c.written.Load() {
			return false, false
		}
		written := c.written.Load() || c.connected.Load() && (stopped || interrupting(err)) ||
			!c.traced.Load() && !unsent(err)
		return !written || class != Once, written && class != Safe
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		_, asked := RetryAfter(resp.Header)
		return class != Once || asked, false
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return class != Once, class != Safe
	case status >= 500:
		return class == Safe, class == Once
	case cut != nil && status < 300:
		return class == Safe && !errors.Is(cut, ErrTooLarge), false
	}
	return false, false
}

// unsent reports whether err itself says that nothing was sent.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	_, withheld := errors.AsType[*withheldError](err)
	return withheld || ok && op.Op == "dial"
}

// interrupting reports whether err is a decision of this side: the transport may
// still be at work on the attempt when it comes.
func interrupting(err error) bool {
	_, ok := errors.AsType[*LimitError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	return ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout()
}

// permanent errors come again however often the request is sent, if they come
// before it is.
func permanent(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return header.Conn != nil // or else it is not the first, and this was TLS once
	}
	return errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, ErrRedirect)
}

// ErrRedirect marks a redirect that was refused.
var ErrRedirect = errors.New("redirect refused")

// Next is the pause after so many attempts, of which the last was answered with
// header. It is false if there is to be no other attempt: they are used up, or
// the pause would outlast the context.
func (p Policy) Next(ctx context.Context, attempts int, header http.Header) (time.Duration, bool) {
	if attempts >= p.MaxAttempts || ctx.Err() != nil {
		return 0, false
	}
	wait := p.jittered(attempts)
	if asked, ok := RetryAfter(header); ok {
		wait = min(asked, p.MaxWait)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, true
}

// jittered is a random pause after so many attempts, from a range that doubles
// with each.
func (p Policy) jittered(attempts int) time.Duration {
	ceiling := p.MaxWait
	if doublings := min(attempts-1, 62); p.MinWait <= p.MaxWait>>doublings {
		ceiling = p.MinWait << doublings
	}
	return time.Duration(rand.Int64N(int64(max(ceiling, 1))))
}

// Sleep waits, and reports whether the context let it.
func Sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// RetryAfter is what the service asks to wait, and false if it did not ask.
func RetryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	// What is out of range comes as the end of the range, which is long enough.
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(max(seconds, 0)) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0), true
	}
	return 0, false
}

// unpack makes a compressed answer readable that the transport has left as it is:
// it does so where it has not asked for compression itself.
func unpack(resp *http.Response) {
	if packing := resp.Header["Content-Encoding"]; len(packing) != 1 || !strings.EqualFold(packing[0], "gzip") {
		return
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &unpacked{ReadCloser: resp.Body}
}

type unpacked struct {
	io.ReadCloser
	from *gzip.Reader
}

func (u *unpacked) Read(p []byte) (n int, err error) {
	if u.from == nil {
		if u.from, err = gzip.NewReader(u.ReadCloser); err != nil {
			return 0, err
		}
	}
	return u.from.Read(p)
}

// maxErrorAnswer is how much is read of an answer that is not 2xx.
const maxErrorAnswer = 1 << 20

func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit && resp.StatusCode < 300 { // of an error the beginning is worth having
		return nil, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
	}
	if n := resp.ContentLength; n >= 0 && n <= limit {
		// A known length saves the copies of a growing buffer. The byte beyond it
		// is for meeting the end: a connection is used again only after that.
		body := make([]byte, n+1)
		read, err := io.ReadFull(resp.Body, body)
		if int64(read) == n && (err == io.ErrUnexpectedEOF || err == io.EOF) {
			err = nil
		}
		return body[:min(int64(read), n)], cutShort(err)
	}
	// A bytes.Buffer would make room for twice what it may come to hold.
	body := make([]byte, 0, min(limit, 4096))
	for {
		if len(body) == cap(body) {
			room := min(2*int64(cap(body)), limit) + 1 // one byte more than the limit tells that it is passed
			body = append(make([]byte, 0, room), body...)
		}
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body[:limit], fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, cutShort(err)
		}
	}
}

func cutShort(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the answer was cut short: %w", err)
}
