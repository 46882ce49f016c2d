package bigvtest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/bigv-go/bigv"
)

// ClientOptions are what a bigv client needs to talk to this server as alice:
// where it is, its certificate, her token, and retries that hardly wait.
func (s *Server) ClientOptions() []bigv.Option {
	return append(s.clientOptions(), bigv.WithToken(s.token))
}

func (s *Server) clientOptions() []bigv.Option {
	opts := []bigv.Option{
		bigv.WithBaseURL(s.URL()), bigv.WithAuthURL(s.AuthURL()), bigv.WithInsecureHTTP(),
		bigv.WithRetryPolicy(bigv.RetryPolicy{MaxAttempts: 4, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond}),
	}
	if s.cert != nil {
		opts = append(opts, bigv.WithHTTPClient(s.HTTPClient()))
	}
	return opts
}

// Client is a client that talks to this server as alice, with further options.
// Options that set other credentials take the place of her token, which
// [Server.ExpireSessions] ends. A mistake in the options ends the test, or panics
// where there is none: programs that want the error call bigv.NewClient with
// ClientOptions.
func (s *Server) Client(opts ...bigv.Option) *bigv.Client {
	return s.client(bigv.WithToken(s.token), opts)
}

func (s *Server) client(credentials bigv.Option, opts []bigv.Option) *bigv.Client {
	client, err := bigv.NewClient(append(s.clientOptions(), credentials)...)
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

// HTTPClient is a new client that trusts the server's certificate. Close its
// idle connections when done.
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
