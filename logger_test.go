package bigv_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLogger(t *testing.T) {
	var lines bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := start(t, sequence(closeConnection, fakeserver.Respond(503, "down", "Retry-After", "0"), fakeserver.Service),
		bigv.WithLogger(logger))
	_, err := client.VirtualMachines.Update(t.Context(), www1, bigv.VirtualMachineUpdate{Keymap: bigv.Set("en-gb")})
	require.NoError(t, err)
	type line struct {
		Level, Msg, Operation, Method, URL, Error string
		Status, Attempt                           int
		Duration, Wait                            time.Duration
	}
	var logged []line
	for decoder := json.NewDecoder(&lines); ; {
		var l line
		err := decoder.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		assert.Positive(t, l.Duration)
		assert.Equal(t, "update virtual machine", l.Operation)
		assert.Equal(t, "PUT", l.Method)
		assert.Contains(t, l.URL, www1URL)
		l.Duration, l.Wait, l.Operation, l.Method, l.URL = 0, 0, "", "", ""
		logged = append(logged, l)
	}
	assert.Equal(t, []line{
		{Level: "WARN", Msg: "bigv: retrying request", Error: "the server closed the connection without a response: EOF", Attempt: 1},
		{Level: "WARN", Msg: "bigv: retrying request", Status: 503, Attempt: 2},
		{Level: "DEBUG", Msg: "bigv: request", Status: 200, Attempt: 3},
	}, logged)
}
