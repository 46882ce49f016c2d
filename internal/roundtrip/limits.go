package roundtrip

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Limits are the longest silences of the service that a call endures.
type Limits struct {
	Header time.Duration // from the start of an attempt to the headers of its answer
	Idle   time.Duration // within one read of the answer's body
}

// LimitError is the error of a call that met one of the Limits.
type LimitError struct {
	What  string
	Limit time.Duration
}

func (e *LimitError) Error() string { return e.What + " within " + e.Limit.String() }

// Timeout makes a LimitError a timeout in the eyes of package net.
func (e *LimitError) Timeout() bool { return true }

// Limit wraps a transport so that no attempt lasts beyond the limits. Only what
// the service keeps waiting is counted, never the time a caller takes between
// two reads. The result does not pass CloseIdleConnections on: retryablehttp
// calls it when it gives up, and the connections belong to others too.
func Limit(base http.RoundTripper, limits Limits) http.RoundTripper {
	return &limited{base: base, limits: limits}
}

type limited struct {
	base   http.RoundTripper
	limits Limits
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, &withheldError{err}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(l.limits.Header, func() {
		cancel(&LimitError{What: "the service did not begin to answer", Limit: l.limits.Header})
	})
	resp, err := l.base.RoundTrip(req.WithContext(ctx))
	timer.Stop()
	if err == nil && resp == nil {
		err = errors.New("the transport gave neither an answer nor an error")
	}
	if err != nil {
		err = limitOr(ctx, err)
		cancel(nil)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a transport of the caller's may be lax
	}
	resp.Body = &idleBody{body: resp.Body, ctx: ctx, cancel: cancel, limit: l.limits.Idle}
	return resp, nil
}

// withheldError is the end of a context before the request was handed on.
type withheldError struct{ err error }

func (e *withheldError) Error() string { return e.err.Error() }
func (e *withheldError) Unwrap() error { return e.err }

// limitOr is the limit that ended ctx, or err if none did.
func limitOr(ctx context.Context, err error) error {
	if limit, ok := errors.AsType[*LimitError](context.Cause(ctx)); ok {
		return limit
	}
	return err
}

type idleBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

func (b *idleBody) Read(p []byte) (int, error) {
	if b.timer == nil {
		b.timer = time.AfterFunc(b.limit, func() {
			b.cancel(&LimitError{What: "the service sent no more of its answer", Limit: b.limit})
		})
	} else {
		b.timer.Reset(b.limit)
	}
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = limitOr(b.ctx, err)
	}
	return n, err
}

func (b *idleBody) Close() error {
	if b.timer != nil {
		b.timer.Stop()
	}
	err := b.body.Close()
	b.cancel(nil)
	return err
}
