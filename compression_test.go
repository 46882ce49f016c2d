package bigv_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client requests compression where the response may be long. Compressing a single object is not worth it.
func TestAcceptEncoding(t *testing.T) {
	const compressed, uncompressed = "gzip", "identity"
	for _, tt := range []struct {
		name string
		want string
		call func(context.Context, *bigv.Client) error
	}{
		{"a single object", uncompressed, get},
		{"a single object with its children", compressed, func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Get(ctx, www1, bigv.WithView(bigv.Overview)))
		}},
		{"a list", compressed, func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Groups.List(ctx, bigv.GroupListOptions{Account: acme}))
		}},
		{"a list with options", compressed, func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview}))
		}},
		{"an iterated list", compressed, func(ctx context.Context, c *bigv.Client) error {
			for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
				return err
			}
			return nil
		}},
		{"a create", uncompressed, create},
		{"an update", uncompressed, func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(4096)}))
		}},
		{"a delete", uncompressed, func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Delete(ctx, www1) }},
		{"any endpoint", compressed, func(ctx context.Context, c *bigv.Client) error {
			return c.Do(ctx, "GET", "/ips/192.0.2.1", nil, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := fakeserver.New(t, nil)
			require.NoError(t, tt.call(t.Context(), newClient(t, srv)))
			assert.Equal(t, []string{tt.want}, srv.Requests()[0].Header.Values("Accept-Encoding"))
		})
	}
}

// respondCompressed responds like fakeserver.Service, and compresses the body whether the client accepts that or not.
func respondCompressed(w http.ResponseWriter, r *http.Request) {
	plain := httptest.NewRecorder()
	fakeserver.Service(plain, r)
	for name, values := range plain.Header() {
		w.Header()[name] = values
	}
	if plain.Code == http.StatusNoContent {
		w.WriteHeader(plain.Code)
		return
	}
	w.Header().Set("Content-Encoding", "GZip")
	w.WriteHeader(plain.Code)
	compressor := gzip.NewWriter(w)
	_, _ = io.Copy(compressor, plain.Body)
	_ = compressor.Close()
}

// Some proxies compress every response.
func TestCompressedResponses(t *testing.T) {
	for name, transport := range map[string]*http.Transport{
		"the default transport": nil, "a transport that does not decompress": {DisableCompression: true},
	} {
		client := start(t, respondCompressed)
		if transport != nil {
			t.Cleanup(transport.CloseIdleConnections)
			var err error
			client, err = client.With(bigv.WithTransport(transport))
			require.NoError(t, err)
		}
		for _, op := range operations {
			assert.NoError(t, op.call(t.Context(), client), "%s: %s", name, op.name)
		}
		var response bigv.Response
		vm, err := client.VirtualMachines.Get(t.Context(), bigv.VirtualMachineID(5012), bigv.WithResponse(&response))
		require.NoError(t, err, name)
		assert.Equal(t, "www1", vm.Name, name)
		want := http.Header{"Content-Type": {"application/json"}, "Date": response.Header["Date"]}
		assert.Equal(t, want, response.Header, "headers that describe the decompressed body")
	}
}

func TestInvalidCompression(t *testing.T) {
	for _, tt := range []struct{ name, body, message string }{
		{"not compressed", `{"id":5012}`, "gzip: invalid header"},
		{"truncated", "\x1f\x8b\x08\x00\x00", "response was cut short: unexpected EOF"},
		{"empty", "", "the body is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := start(t, fakeserver.Respond(200, tt.body, "Content-Encoding", "gzip"))
			err := get(t.Context(), client)
			assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
			assert.ErrorContains(t, err, tt.message)
			err = create(t.Context(), client)
			if tt.body != "" {
				assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorContains(t, err, tt.message)
			}
		})
	}
}

// gzipBomb returns a handler whose small compressed body becomes size bytes.
func gzipBomb(t *testing.T, size int) http.HandlerFunc {
	t.Helper()
	var compressed bytes.Buffer
	compressor := gzip.NewWriter(&compressed)
	_, err := compressor.Write(bytes.Repeat([]byte(" "), size))
	require.NoError(t, err)
	require.NoError(t, compressor.Close())
	return fakeserver.Respond(200, compressed.String(), "Content-Encoding", "gzip")
}

// compress returns a text in gzip.
func compress(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// A compressed body that goes on without content ends the call, and releases the turn of a create.
func TestEndlessCompressedBodies(t *testing.T) {
	empty := compress(t, "")
	header := empty[:10]
	stored := []byte{0, 0, 0, 0xff, 0xff} // an empty block of the compressed data
	extra := append([]byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff}, make([]byte, 0xffff)...)
	for name, body := range map[string]struct{ start, repeat []byte }{
		"empty members": {nil, empty}, "empty blocks": {header, stored},
		"members of a space":         {nil, slices.Concat(extra, compress(t, " ")[10:])},
		"members with a long header": {nil, slices.Concat(extra, empty[10:])},
	} {
		repeat := bytes.Repeat(body.repeat, 1+(16<<10)/len(body.repeat))
		for _, status := range []int{200, 302, 400, 500} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				t.Parallel()
				client := start(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Encoding", "gzip")
					w.WriteHeader(status)
					_, err := w.Write(body.start)
					for err == nil {
						_, err = w.Write(repeat)
					}
				}, once, bigv.WithMaxResponseSize(64<<10))
				for _, op := range operations {
					err := op.call(t.Context(), client)
					if op.class != idempotent || status != 200 { // the object would be read back
						assert.Error(t, err, op.name)
					}
					if status == 200 && op.class == safe {
						assert.ErrorContains(t, err, "the compressed data is much larger than its content", op.name)
					}
				}
			})
		}
	}
}
