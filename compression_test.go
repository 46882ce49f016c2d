package bigv_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What may be long is asked for compressed, as net/http asks by itself; one thing
// is not worth it.
func TestAcceptEncoding(t *testing.T) {
	const packed, plain = "gzip", "identity"
	for _, row := range []struct {
		name string
		want string
		call func(context.Context, *bigv.Client) error
	}{
		{"a read", plain, get},
		{"an overview", packed, func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Get(ctx, www1, bigv.WithView(bigv.Overview))
			return err
		}},
		{"a list", packed, func(ctx context.Context, c *bigv.Client) error {
			_, err := c.Groups.List(ctx, bigv.GroupListOptions{Account: acme})
			return err
		}},
		{"a filtered list", packed, func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web, View: bigv.Overview})
			return err
		}},
		{"a list that is iterated", packed, func(ctx context.Context, c *bigv.Client) error {
			for _, err := range c.Groups.All(ctx, bigv.GroupListOptions{Account: acme}) {
				return err
			}
			return nil
		}},
		{"a create", plain, create},
		{"an update", plain, func(ctx context.Context, c *bigv.Client) error {
			_, err := c.VirtualMachines.Update(ctx, www1, bigv.VirtualMachineUpdate{Memory: new(4096)})
			return err
		}},
		{"a delete", plain, func(ctx context.Context, c *bigv.Client) error { return c.VirtualMachines.Delete(ctx, www1) }},
		{"what nobody knows", packed, func(ctx context.Context, c *bigv.Client) error {
			return c.Do(ctx, "GET", "/ips/192.0.2.1", nil, nil)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := make(chan []string, 1)
			client := start(t, func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Header.Values("Accept-Encoding")
				answerWell(w, r)
			})
			require.NoError(t, row.call(t.Context(), client))
			assert.Equal(t, []string{row.want}, <-asked)
		})
	}
}

// Some proxies compress whatever they are asked for.
func TestCompressedAnswers(t *testing.T) {
	compress := func(w http.ResponseWriter, r *http.Request) {
		plain := httptest.NewRecorder()
		answerWell(plain, r)
		for name, values := range plain.Header() {
			w.Header()[name] = values
		}
		if plain.Code == http.StatusNoContent {
			w.WriteHeader(plain.Code)
			return
		}
		w.Header().Set("Content-Encoding", "GZip")
		w.WriteHeader(plain.Code)
		pack := gzip.NewWriter(w)
		_, _ = io.Copy(pack, plain.Body)
		_ = pack.Close()
	}
	for name, transport := range map[string]*http.Transport{"its own transport": nil, "a transport that does not unpack": {DisableCompression: true}} {
		client := start(t, compress)
		if transport != nil {
			t.Cleanup(transport.CloseIdleConnections)
			var err error
			client, err = client.With(bigv.WithTransport(transport))
			require.NoError(t, err)
		}
		for _, d := range deeds {
			assert.NoError(t, d.call(t.Context(), client), "%s: %s", name, d.name)
		}
		var response bigv.Response
		vm, err := client.VirtualMachines.Get(t.Context(), www1, bigv.WithResponse(&response))
		require.NoError(t, err, name)
		assert.Equal(t, 5012, vm.ID, name)
		assert.Equal(t, http.Header{"Content-Type": {"application/json"}, "Date": response.Header["Date"]}, response.Header, "of the answer as it was read")
	}
	for _, row := range []struct {
		name string
		body string
		says string
	}{
		{"that is not", machineAnswer, "gzip: invalid header"},
		{"that is cut", "\x1f\x8b\x08\x00\x00", "the answer was cut short: unexpected EOF"},
		{"of which nothing came", "", "it is empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := start(t, replying(200, row.body, "Content-Encoding", "gzip"))
			err := get(t.Context(), client)
			assert.ErrorIs(t, err, bigv.ErrInvalidResponse)
			assert.ErrorContains(t, err, row.says)
			err = create(t.Context(), client)
			if row.body != "" {
				assert.ErrorIs(t, err, bigv.ErrOutcomeUnknown)
				assert.ErrorContains(t, err, row.says)
			}
		})
	}
}
