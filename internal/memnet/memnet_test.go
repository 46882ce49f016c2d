package memnet

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// connect returns the two ends of a connection and its listener.
func connect(t *testing.T) (client, server net.Conn, l *Listener) {
	t.Helper()
	l = Listen("host.invalid")
	var accepting sync.WaitGroup
	accepting.Go(func() {
		var err error
		server, err = l.Accept()
		assert.NoError(t, err)
	})
	client, err := l.Dial(t.Context())
	require.NoError(t, err)
	accepting.Wait()
	return client, server, l
}

func TestConnection(t *testing.T) {
	client, server, l := connect(t)
	for _, text := range []string{"one", "two"} {
		n, err := client.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, 3, n)
	}
	require.NoError(t, l.Close(), "connections stay open")
	require.NoError(t, client.Close())
	got, err := io.ReadAll(server)
	require.NoError(t, err)
	assert.Equal(t, "onetwo", string(got))

	_, err = server.Write([]byte("x"))
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	for _, use := range []func([]byte) (int, error){client.Read, client.Write} {
		_, err = use(make([]byte, 1))
		assert.ErrorIs(t, err, net.ErrClosed)
	}
	assert.Equal(t, "host.invalid", server.RemoteAddr().String())
	assert.Equal(t, "memory", client.LocalAddr().Network())
}

// An end that closes loses what it has not read, and the other end reads what was written before.
func TestCloseAfterTheOtherEnd(t *testing.T) {
	client, server, _ := connect(t)
	_, err := client.Write([]byte("lost"))
	require.NoError(t, err)
	_, err = server.Write([]byte("kept"))
	require.NoError(t, err)
	require.NoError(t, server.Close())
	require.NoError(t, client.Close())
	_, err = server.Read(make([]byte, 4))
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = client.Read(make([]byte, 4))
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestDialFails(t *testing.T) {
	l := Listen("host.invalid")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Dial(ctx)
	assert.EqualError(t, err, "dial memory host.invalid: context canceled")
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err = l.Dial(t.Context())
	assert.ErrorContains(t, err, "connection refused")
	_, err = l.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := connect(t)
		began := time.Now()
		require.NoError(t, client.SetDeadline(began.Add(time.Minute)))
		require.NoError(t, client.SetReadDeadline(began.Add(time.Hour)), "replaces the one before")
		_, err := client.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Hour, time.Since(began))
		_, err = client.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, client.SetReadDeadline(time.Time{}))
		time.AfterFunc(time.Hour, func() { _, _ = server.Write([]byte("x")) })
		_, err = client.Read(make([]byte, 1))
		assert.NoError(t, err, "without a deadline")

		time.AfterFunc(time.Hour, func() { _ = client.SetReadDeadline(time.Unix(1, 0)) })
		_, err = client.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "a deadline in the past ends a read under way")
	})
}
