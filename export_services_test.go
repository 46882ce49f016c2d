package bigv

import (
	"context"
	"time"
)

// KeepAliveEvery is KeepAlive at another interval.
func (s *SessionsService) KeepAliveEvery(ctx context.Context, interval time.Duration) error {
	return s.keepAlive(ctx, interval)
}
