package sim

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/bigv-go/bigv"
)

// If no connection can be established, nothing was sent, so the outcome is not unknown.
func TestOutcomeIsKnownWithoutConnection(t *testing.T) {
	for _, test := range []struct {
		name string
		wrap wrapper
	}{
		{name: "the certificate is not trusted", wrap: func(base *http.Transport) http.RoundTripper {
			base.TLSClientConfig = nil
			return base
		}},
		{name: "no proxy can be found", wrap: func(base *http.Transport) http.RoundTripper {
			base.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no proxy") }
			return base
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, config{http2: true, wrap: test.wrap}, func(w *world) {
				_, err := w.client.Groups.Create(w.begin(nil), acme, bigv.GroupCreate{Name: "db"})
				if err == nil || len(w.writes()) > 0 {
					t.Errorf("%v; applied %d times", err, len(w.writes()))
				}
				if errors.Is(err, bigv.ErrOutcomeUnknown) {
					t.Errorf("the outcome is unknown: %v", err)
				}
			})
		})
	}
}
