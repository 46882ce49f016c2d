package bigvtest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/bigv-go/bigv"
)

// ClientOptions returns the options with which [bigv.NewClient] creates a client for this server:
// the URLs, an HTTP client that trusts the certificate, alice's token, and a retry policy with very
// short waits, except for those that a Retry-After header requests. There is no token if the server was started with [WithEmpty].
func (s *Server) ClientOptions() []bigv.Option {
	return s.clientOptions(s.token)
}

// clientOptions returns ClientOptions with another token, or with none if it is empty.
func (s *Server) clientOptions(token string) []bigv.Option {
	opts := []bigv.Option{
		bigv.WithBaseURL(s.URL()), bigv.WithAuthURL(s.AuthURL()), bigv.WithInsecureHTTP(),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MinWait: time.Millisecond}),
	}
	if s.cert != nil {
		opts = append(opts, bigv.WithHTTPClient(s.HTTPClient()))
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

// HTTPClient returns a new HTTP client that trusts the server's certificate. The caller should close
// its idle connections when it is no longer needed.
func (s *Server) HTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.MaxIdleConnsPerHost = nil, 128
	if s.cert != nil {
		pool := x509.NewCertPool()
		pool.AddCert(s.cert)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport}
}
