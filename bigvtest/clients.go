package bigvtest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/memnet"
)

// ClientOptions returns the options with which [bigv.NewClient] creates a client for this server:
// the URLs, a transport that connects to the server and trusts its certificate, alice's token, and a
// retry policy with very short waits, except for those that a Retry-After header requests. There is no
// token if the server was started with [WithEmpty].
func (s *Server) ClientOptions() []bigv.Option {
	return s.clientOptions(s.token)
}

// clientOptions returns ClientOptions with another token, or with none if it is empty.
func (s *Server) clientOptions(token string) []bigv.Option {
	opts := []bigv.Option{
		bigv.WithBaseURL(s.URL()), bigv.WithAuthURL(s.AuthURL()), bigv.WithInsecureHTTP(),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MinWait: time.Millisecond}),
		bigv.WithTransport(&markingTransport{s.connect(bigv.NewTransport()), &s.calls}),
	}
	if token != "" {
		opts = append(opts, bigv.WithToken(token))
	}
	return opts
}

// Client returns a client for this server that authenticates as alice and has the given additional
// options. Options that set other credentials replace her token. If the server was started with
// [WithEmpty], the client has no credentials unless an option sets them.
//
// Invalid options fail the test, or panic if there is none; to handle the error instead, pass the
// result of [Server.ClientOptions] to [bigv.NewClient].
func (s *Server) Client(opts ...bigv.Option) *bigv.Client {
	return s.client(s.token, opts)
}

func (s *Server) client(token string, opts []bigv.Option) *bigv.Client {
	client, err := bigv.NewClient(s.clientOptions(token)...)
	if err == nil && len(opts) > 0 {
		client, err = client.With(opts...)
	}
	if err != nil {
		s.fatalf("%v", err)
	}
	if s.t != nil {
		s.t.Cleanup(client.CloseIdleConnections)
	}
	return client
}

// HTTPClient returns a new HTTP client that can connect to the server and trusts its certificate. The
// caller should close its idle connections when it is no longer needed.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.connect(bigv.NewTransport())}
}

// connect changes a transport so that it connects to the server and trusts its certificate.
func (s *Server) connect(t *http.Transport) *http.Transport {
	t.Proxy, t.MaxIdleConnsPerHost = nil, 128
	if s.cert != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		t.TLSClientConfig.RootCAs.AddCert(s.cert)
	}
	if memory, ok := s.listener.(*memnet.Listener); ok {
		t.DialContext = dialFunc(memory, t.DialContext)
	}
	return t
}
