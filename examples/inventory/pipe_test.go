//go:build !js && !plan9

package main

import (
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brokenPipe is an io.Writer that returns EPIPE after a number of writes.
type brokenPipe struct{ successes, writes int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	p.writes++
	if p.writes > p.successes {
		return 0, &writeError{}
	}
	return len(b), nil
}

type writeError struct{}

func (*writeError) Error() string { return "write: broken pipe" }
func (*writeError) Unwrap() error { return syscall.EPIPE }

func TestBrokenPipeIsNotAnError(t *testing.T) {
	for _, format := range []string{"csv", "json", "tree"} {
		t.Run(format, func(t *testing.T) {
			srv := newServer(t)
			srv.Account("acme").Group("web").AddVirtualMachines("many", 100)
			out := &brokenPipe{successes: 1}
			require.NoError(t, run(t.Context(), []string{"-format", format}, out, io.Discard))
			assert.Equal(t, 2, out.writes, "nothing is written after the pipe is broken")
		})
	}
}
