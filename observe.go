package bigv

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"syscall"
	"time"

	"github.com/bigv-go/bigv/internal/retry"
)

// Attempt describes one attempt to send a request.
type Attempt struct {
	Operation  string        // what the call does, such as "update virtual machine"
	Method     string        // HTTP method, such as "PUT"
	Route      string        // path template without names and IDs, usable as a metric label; for Do, the path
	Number     int           // counted from 1
	StatusCode int           // HTTP status; 0 if no response arrived
	Err        error         // why no response arrived, a redirect was refused or the body is incomplete; or nil
	Duration   time.Duration // until the end of the response body; for All, until the end of the loop
	Retry      bool          // whether another attempt follows after Wait, unless the context ends before
	Wait       time.Duration // wait before the next attempt; 0 if none follows
	GateWait   time.Duration // wait for the gate before the attempt, which Duration does not include; see WithGate
	NotSent    bool          // whether the attempt was not sent, because the gate remained closed
}

// Call describes the call that an HTTP request belongs to.
type Call struct {
	Operation string // what the call does, such as "update virtual machine"
	Method    string // HTTP method, such as "PUT"
	Route     string // path template without names and IDs, usable as a metric label; for Do, the path
}

// CallFromContext returns the call that an HTTP request belongs to, given the
// context of that request. It is for transports set with WithTransport or
// WithHTTPClient, to name spans and metrics. It reports false for requests that
// were not sent by a Client.
func CallFromContext(ctx context.Context) (Call, bool) {
	req, ok := retry.Info(ctx).(*request)
	if !ok {
		return Call{}, false
	}
	return Call{Operation: req.name, Method: req.method, Route: req.route}, true
}

// onAttempt returns the function that reports the attempts of a call to the capture, the hook and
// the logger. It returns nil if none of them is set.
func (c *Client) onAttempt(ctx context.Context, resp *response) func(retry.Attempt) {
	if c.logAttempt == nil && c.attemptHook == nil && c.capture == nil {
		return nil
	}
	return func(a retry.Attempt) {
		if c.capture != nil {
			c.capture(resp, a)
		}
		req, err := resp.request, a.Err
		if err != nil {
			err = resp.clean(err)
		}
		if c.attemptHook != nil {
			c.attemptHook(ctx, Attempt{
				Operation: req.name, Method: req.method, Route: req.route, Number: a.Number, StatusCode: a.StatusCode,
				Err: err, Duration: a.Duration, Retry: a.Retry, Wait: a.Wait,
				GateWait: a.GateWait, NotSent: a.NotSent,
			})
		}
		if c.logAttempt != nil {
			c.logAttempt(ctx, resp, a, err)
		}
	}
}

// attemptLogger is the destination of WithLogger.
type attemptLogger struct{ logger *slog.Logger }

// log logs an attempt: at level Warn if a retry follows or it was not sent, otherwise at level Debug.
func (l *attemptLogger) log(ctx context.Context, resp *response, a retry.Attempt, err error) {
	level, message := slog.LevelDebug, "bigv: request"
	req := resp.request
	url := req.displayURL()
	if req.url.RawQuery != "" {
		url = resp.redactor().String(url)
	}
	attrs := []slog.Attr{
		slog.String("operation", req.name), slog.String("method", req.method), slog.String("url", url),
		slog.Int("status", a.StatusCode), slog.Duration("duration", a.Duration), slog.Int("attempt", a.Number),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if a.Retry {
		level, message = slog.LevelWarn, "bigv: retrying request"
		attrs = append(attrs, slog.Duration("wait", a.Wait))
	}
	if a.GateWait > 0 {
		attrs = append(attrs, slog.Duration("gate_wait", a.GateWait))
	}
	if a.NotSent {
		level, message = slog.LevelWarn, "bigv: request not sent"
	}
	l.logger.LogAttrs(ctx, level, message, attrs...)
}

// matchesCause reports whether an error with a redacted text matches target. It reports true only
// for errors that callers must distinguish: the redacted error does not unwrap to the original one,
// whose text contains the secret.
func matchesCause(err, target error) bool {
	errno := reflect.TypeOf(target) == reflect.TypeOf(error(syscall.EINVAL)) // a syscall.Errno, except on Plan 9
	known := errno || target == ErrRedirect || target == io.ErrUnexpectedEOF || isContextError(err)
	return known && errors.Is(err, target)
}

// isContextError reports whether err is due to the end of a context.
func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
