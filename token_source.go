package bigv

import (
	"context"
	"fmt"
	"sync"

	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/transport"
)

// TokenSource provides the tokens that calls are sent with. It is called for each call, and again
// after a 401 response. Calls that need a token at the same time share one call of the source, so that
// a client never has two of them running; a source of several clients must be safe for concurrent use.
// A call waits for its token no longer than its context and Timeouts.Header allow.
type TokenSource interface {
	// Token returns a token. If rejected is not zero, the service has responded to that token with
	// 401, and Token should return another, or rejected itself if there is none. ctx has the values of
	// the first call that needs the token, and ends when no call waits for it any longer. Token should
	// then return, since it is not called again before. If Token returns an error, the calls fail with
	// it and are not sent.
	Token(ctx context.Context, rejected Secret) (Secret, error)
}

// TokenSourceFunc is a function that implements TokenSource.
type TokenSourceFunc func(ctx context.Context, rejected Secret) (Secret, error)

// Token returns f(ctx, rejected).
func (f TokenSourceFunc) Token(ctx context.Context, rejected Secret) (Secret, error) {
	return f(ctx, rejected)
}

// sharedSource is a TokenSource whose calls are shared: at most one is running, and the callers that
// need a token at the same time wait for it. A source that ignores the end of its context therefore
// occupies one goroutine, not one for each call.
type sharedSource struct {
	source TokenSource

	mu      sync.Mutex
	current *tokenFetch // nil if none is running
}

// tokenFetch is a call of a TokenSource.
type tokenFetch struct {
	rejected Secret
	waiting  int // callers; if there is none, the call is cancelled
	cancel   context.CancelFunc
	done     chan struct{} // closed when the fields below are set

	token    Secret
	err      error
	panicked any
}

// fetch returns the token for a call of c. It waits no longer than Timeouts.Header.
func (s *sharedSource) fetch(ctx context.Context, c *Client, rejected Secret) (Secret, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeouts.Header)
	defer cancel()
	token, err := s.token(limited, rejected)
	switch {
	case err == nil:
		return token, checkToken("the token of the token source", token.Reveal())
	case ctx.Err() != nil:
		return Secret{}, fmt.Errorf("waiting for the token source: %w", retry.ContextError(ctx, err))
	case limited.Err() != nil:
		return Secret{}, &transport.TimeoutError{What: "the token source returned no token", Limit: c.timeouts.Header}
	}
	return Secret{}, fmt.Errorf("the token source: %w", err)
}

// token calls the source, or waits for a call that is running already. It returns when ctx ends, even
// if the source does not. If the source panics, token panics in the goroutine of each caller, which
// can recover.
func (s *sharedSource) token(ctx context.Context, rejected Secret) (Secret, error) {
	for {
		fetch, mine := s.join(ctx, rejected)
		select {
		case <-fetch.done:
		case <-ctx.Done():
		}
		if mine {
			s.leave(fetch)
		}
		switch {
		case ctx.Err() != nil:
			return Secret{}, ctx.Err()
		case !mine:
			continue
		case fetch.panicked != nil:
			panic(fetch.panicked)
		}
		return fetch.token, fetch.err
	}
}

// join returns the call of the source that is running, or starts one. It reports whether the caller
// may use its result: the call is for the same rejected token, and has not been cancelled.
func (s *sharedSource) join(ctx context.Context, rejected Secret) (fetch *tokenFetch, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fetch = s.current; fetch != nil {
		if mine = fetch.waiting > 0 && fetch.rejected.Equal(rejected); mine {
			fetch.waiting++
		}
		return fetch, mine
	}
	fetch = &tokenFetch{rejected: rejected, waiting: 1, done: make(chan struct{})}
	ctx, fetch.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.current = fetch
	go s.run(ctx, fetch)
	return fetch, true
}

// run calls the source.
func (s *sharedSource) run(ctx context.Context, fetch *tokenFetch) {
	defer func() {
		fetch.panicked = recover()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current = nil
		fetch.cancel()
		close(fetch.done)
	}()
	fetch.token, fetch.err = s.source.Token(ctx, fetch.rejected)
}

// leave records that a caller has stopped waiting.
func (s *sharedSource) leave(fetch *tokenFetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fetch.waiting--; fetch.waiting == 0 {
		fetch.cancel()
	}
}
