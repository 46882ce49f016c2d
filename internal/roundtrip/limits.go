package roundtrip

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
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

// Timeout tells whoever asks for it that this is a timeout.
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
	w := &watch{limits: l.limits}
	w.ctx, w.cancel = context.WithCancelCause(req.Context())
	w.timer = time.AfterFunc(l.limits.Header, w.expire)
	resp, err := l.base.RoundTrip(req.WithContext(w.ctx))
	w.timer.Stop()
	if err == nil && resp == nil {
		err = errors.New("the transport gave neither an answer nor an error")
	}
	if err != nil {
		err = limitOr(w.ctx, err)
		w.cancel(nil)
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody // a transport of the caller's may be lax
	}
	w.body = resp.Body
	resp.Body = w
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

// watch ends an attempt that is kept waiting, and is the body of its answer. One
// timer serves both limits.
type watch struct {
	limits Limits
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	body   io.ReadCloser // nil until the headers are there
	// reading says which limit the timer is for. It is atomic, for a timer that
	// fires as it is stopped.
	reading atomic.Bool
}

func (w *watch) expire() {
	if w.reading.Load() {
		w.cancel(&LimitError{What: "the service sent no more of its answer", Limit: w.limits.Idle})
	} else {
		w.cancel(&LimitError{What: "the service did not begin to answer", Limit: w.limits.Header})
	}
}

func (w *watch) Read(p []byte) (int, error) {
	w.reading.Store(true)
	w.timer.Reset(w.limits.Idle)
	n, err := w.body.Read(p)
	w.timer.Stop()
	if err != nil && err != io.EOF {
		err = limitOr(w.ctx, err)
	}
	return n, err
}

func (w *watch) Close() error {
	w.timer.Stop()
	err := w.body.Close()
	w.cancel(nil)
	return err
}
