package bigv_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The message about a response that cannot be used, or that does not arrive, says what to do.
func TestMessagesWithoutUsableResponse(t *testing.T) {
	const (
		unknown      = "outcome unknown: "
		proxy, later = "check the base URL, and whether a proxy is in the way", "try again later"
	)
	body := func(text string) http.HandlerFunc { return fakeserver.Respond(200, text) }
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		_, _ = w.Write([]byte(`{"id":`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	otherProtocol := func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); assert.NoError(t, err) {
			_, _ = conn.Write([]byte("SSH-2.0-server\r\n"))
			_ = conn.Close()
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	large := body(`{"id":5012,"name":"` + strings.Repeat("x", 5000) + `"}`)
	for _, tt := range []struct {
		name        string
		handler     http.HandlerFunc
		get, rename string // after the semicolon
	}{
		{"an HTML page", body("<html>Welcome</html>"), proxy, unknown + "*; " + proxy},
		{"a text", body("welcome"), proxy, unknown + "*; " + proxy},
		{"the wrong type", body("[]"), proxy, unknown + "*; " + proxy},
		{"no ID", body(`{"name":"www1"}`), proxy, unknown + "*; " + proxy},
		{"cut short", cut, later, unknown},
		{"too large", large, "allow more: see WithMaxResponseSize", unknown + "*; allow more: see WithMaxResponseSize"},
		{"no response", hangUp, later, unknown},
		{"another protocol", otherProtocol, "check the base URL", unknown},
		{"no response in time", hang, "try again later, or allow more time: see WithTimeouts", unknown},
	} {
		for name, want := range map[string]string{"get": tt.get, "rename": tt.rename} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				t.Parallel()
				client := start(t, tt.handler, once, bigv.WithMaxResponseSize(4096),
					bigv.WithTimeouts(bigv.Timeouts{Header: 100 * time.Millisecond}))
				_, err := client.VirtualMachines.Get(t.Context(), www1)
				if name == "rename" {
					_, err = client.VirtualMachines.Rename(t.Context(), www1, "www2")
				}
				require.Error(t, err)
				begin, end, _ := strings.Cut(want, "*")
				assert.Contains(t, err.Error(), "; "+begin)
				assert.Contains(t, err.Error(), end+" [", "the end")
			})
		}
	}
}

func TestMessageAboutAnUnknownAuthority(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	const want = "check the base URL, or trust the authority of the certificate: see WithTransport ["
	client := clientFor(t, srv.URL, bigv.WithToken("t0ken"), once)
	assert.ErrorContains(t, get(t.Context(), client), "; "+want)
	assert.ErrorContains(t, client.VirtualMachines.Reset(t.Context(), www1), "; the request was not applied; "+want)
}
