package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/bigv-go/bigv/internal/transport"
)

// world is a client, a network and a service, in a testing/synctest bubble.
type world struct {
	*network
	ctx     context.Context
	service *bigvtest.Server
	client  *bigv.Client
	token   string // of a user with all permissions
}

// config says how to simulate.
type config struct {
	http2 bool
	wrap  wrapper
}

// wrapper, unless nil, returns the transport to use in the place of the client's own. It plays the part of a client with a bug.
type wrapper func(*http.Transport) http.RoundTripper

// unbounded is longer than every timeout of a client.
const unbounded = time.Hour

// simulate calls f in a new world. The service contains the account acme with the group web.
func simulate(t *testing.T, c config, f func(*world)) {
	t.Helper()
	// The service has a real listener, which would keep the time of the bubble from advancing.
	service, err := bigvtest.Start(bigvtest.WithAutoAdvance(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	staff := service.User("carol")
	staff.Grant(bigv.ClusterSU, nil)
	w := &world{network: &network{}, service: service, token: staff.Token()}
	synctest.Test(t, func(t *testing.T) { w.run(t, c, f) })
}

// run starts the server and the client, calls f, and stops everything.
func (w *world) run(t *testing.T, c config, f func(*world)) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*unbounded)
	defer cancel()
	w.ctx, w.upstream = ctx, newListener()
	server := &http.Server{
		Handler: w.handler(w.service), ErrorLog: log.New(io.Discard, "", 0), Protocols: &http.Protocols{},
		// Without dynamic tables, the proxy can drop headers.
		HTTP2: &http.HTTP2Config{MaxDecoderHeaderTableSize: 1, MaxEncoderHeaderTableSize: 1},
	}
	server.Protocols.SetHTTP1(!c.http2)
	server.Protocols.SetUnencryptedHTTP2(c.http2) // the proxy terminates TLS
	base := bigv.NewTransport()
	base.Proxy, base.DialContext = nil, transport.CountWrites(w.dial)
	url := "http://cloud.test"
	if c.http2 {
		url = "https://cloud.test"
		certificates := testCertificates()
		base.HTTP2.MaxEncoderHeaderTableSize = 1                                       // as above
		w.tls, base.TLSClientConfig = certificates.server, certificates.client.Clone() // net/http changes it
	}
	options := []bigv.Option{
		bigv.WithBaseURL(url), bigv.WithAuthURL(url), bigv.WithInsecureHTTP(), bigv.WithToken(w.token), bigv.WithTransport(base),
	}
	if c.wrap != nil {
		options[len(options)-1] = bigv.WithTransport(c.wrap(base))
	}
	client, err := bigv.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(w.upstream) })
	f(w)
	base.CloseIdleConnections()
	w.close()
	_ = server.Close()
	serving.Wait()
	w.service.Close() // in the bubble, since it waits for goroutines of the bubble
}

// connect opens a connection that the next call reuses, if warm. Otherwise it closes the idle ones.
func (w *world) connect(warm bool) {
	if warm {
		must(w.client.Accounts.Get(w.ctx, acme))
	} else {
		w.client.CloseIdleConnections()
	}
}

// begin arms the network and returns the context of the calls under test.
func (w *world) begin(faults []Fault) context.Context {
	ctx, cancel := context.WithTimeout(w.ctx, 10*unbounded)
	context.AfterFunc(w.ctx, cancel)
	w.endContexts = cancel
	w.service.ClearJournal()
	w.arm(faults)
	return ctx
}

// writes returns the writes that clients sent and the service applied. It first waits until nothing is on its way any more.
func (w *world) writes() (done []bigvtest.Exchange) {
	time.Sleep(4 * unbounded)
	for _, exchange := range w.service.Journal() {
		if exchange.Done && exchange.Method != http.MethodGet && exchange.Header.Get(duplicateHeader) == "" {
			done = append(done, exchange)
		}
	}
	return done
}

// repeated returns the non-idempotent writes that were applied twice.
func repeated(done []bigvtest.Exchange) (twice []string) {
	count := map[string]int{}
	for _, exchange := range done {
		key := exchange.Method + " " + exchange.Path + " " + exchange.RequestBody
		if count[key]++; count[key] == 2 && !isIdempotent(exchange) {
			twice = append(twice, key)
		}
	}
	return twice
}

// isIdempotent reports whether an exchange may be repeated.
func isIdempotent(exchange bigvtest.Exchange) bool {
	switch exchange.Method {
	case http.MethodDelete:
		return true
	case http.MethodPost:
		return false
	}
	for _, attribute := range []string{"name", "group_id", "virtual_machine_id", "appliance", "restore", "label"} {
		if strings.Contains(exchange.RequestBody, `"`+attribute+`":`) {
			return false
		}
	}
	restart := `{"autoreboot_on":true,"power_on":false}`
	return exchange.RequestBody != restart
}

type certificates struct{ server, client *tls.Config }

// testCertificates returns configurations for cloud.test. They are shared, so that TLS sessions can be resumed.
var testCertificates = sync.OnceValue(func() certificates {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cloud.test"}, DNSNames: []string{"cloud.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), // the time in a bubble begins in 2000
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return certificates{
		server: &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"},
			CurvePreferences: []tls.CurveID{tls.X25519}, MinVersion: tls.VersionTLS12, // the fastest curve
		},
		client: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
})
