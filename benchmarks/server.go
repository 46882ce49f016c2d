package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The server has one listener for each protocol.
const (
	http1 = "HTTP/1.1"
	http2 = "HTTP/2"
)

// serveArgument is the argument that starts this program as the server.
const serveArgument = "serve"

// machinesPath is the path of the virtual machines of a group. The response depends on the group.
const machinesPath = "/accounts/acme/groups/%s/virtual_machines"

// serverInfo is printed by the server when it is ready.
type serverInfo struct {
	BaseURLs    map[string]string // by protocol
	ControlURL  string            // of counters
	Certificate []byte
}

// server is the running server process.
type server struct {
	serverInfo
	command *exec.Cmd
	stdin   io.Closer
}

// startServer runs this program as the server in a new process. It makes this process trust the certificate of the
// server, so that clients need no TLS options.
func startServer() (*server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.Command(program, serveArgument)}
	s.command.Stderr = os.Stderr
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(stdout).Decode(&s.serverInfo); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	if err := s.trust(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// trust makes this process trust the certificate of the server. It can be called once.
func (s serverInfo) trust() error {
	certificate, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	x509.SetFallbackRoots(roots)
	return nil
}

// stop closes the standard input of the server, which makes it exit.
func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.command.Wait()
}

// number returns a counter of the server.
func (s *server) number(path string) (int64, error) {
	resp, err := http.Get(s.ControlURL + path)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// connections returns how many connections the server has accepted for a protocol.
func (s *server) connections(protocol string) (int64, error) {
	return s.number("/connections?protocol=" + protocol)
}

// serve runs the server until its standard input is closed.
func serve() error {
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	h := newHandler()
	info := serverInfo{BaseURLs: map[string]string{}, Certificate: certificate.Certificate[0]}
	for _, protocol := range []string{http1, http2} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		info.BaseURLs[protocol] = "https://" + listener.Addr().String()
		accepted := new(atomic.Int64)
		h.accepted[protocol] = accepted
		srv := &http.Server{
			Handler:   h.api,
			Protocols: new(http.Protocols),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
			// Some clients close connections early, which is not worth reporting.
			ErrorLog: log.New(io.Discard, "", 0),
			ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					accepted.Add(1)
				}
			},
		}
		srv.Protocols.SetHTTP1(true)
		srv.Protocols.SetHTTP2(protocol == http2)
		go func() { _ = srv.ServeTLS(listener, "", "") }()
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	info.ControlURL = "http://" + control.Addr().String()
	go func() { _ = http.Serve(control, h.control) }()
	if err := json.NewEncoder(os.Stdout).Encode(info); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// handler serves the responses and the counters.
type handler struct {
	api, control *http.ServeMux
	accepted     map[string]*atomic.Int64 // connections, by protocol
	sent         atomic.Int64             // bytes of the slow list
	sendRest     atomic.Bool              // whether to send the rest of the slow list at once
}

// listLength is the number of machines in the long and the slow list.
const listLength = 10_000

func newHandler() *handler {
	h := &handler{api: http.NewServeMux(), control: http.NewServeMux(), accepted: map[string]*atomic.Int64{}}
	machine, notFound, list := machineResponse(5012), notFoundResponse(), elements(listLength)
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "web")+"/www1", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, machine)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "web")+"/missing", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusNotFound, notFound)
	})
	for _, n := range goroutineCounts {
		b := newBarrier(n)
		h.api.HandleFunc(fmt.Sprintf("GET "+machinesPath+"/barrier%d", "web", n), func(w http.ResponseWriter, _ *http.Request) {
			b.wait()
			respond(w, http.StatusOK, machine)
		})
	}
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "long"), func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, listBody(list, 1)...)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "longer"), func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, listBody(list, 10)...)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "slow"), func(w http.ResponseWriter, _ *http.Request) {
		h.sendSlowly(w, list)
	})
	for path, body := range peerResponses {
		h.api.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, []byte(body)) })
	}
	h.control.HandleFunc("GET /connections", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, h.accepted[r.FormValue("protocol")].Load())
	})
	h.control.HandleFunc("GET /sent", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, h.sent.Load())
		h.sendRest.Store(true)
	})
	return h
}

// listBody returns the parts of a JSON array that contains the elements a number of times.
func listBody(elements []byte, times int) [][]byte {
	parts := [][]byte{[]byte("[")}
	for i := range times {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, elements)
	}
	return append(parts, []byte("]\n"))
}

// respond writes a response whose body consists of parts.
func respond(w http.ResponseWriter, status int, parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	for _, part := range parts {
		_, _ = w.Write(part)
	}
}

// sendSlowly sends one element of the list per millisecond and counts the bytes. After the client has read the count,
// it sends the rest at once.
func (h *handler) sendSlowly(w http.ResponseWriter, list []byte) {
	h.sent.Store(0)
	h.sendRest.Store(false)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(list)+len("[]")))
	rc := http.NewResponseController(w)
	send := func(part []byte) {
		n, _ := w.Write(part)
		h.sent.Add(int64(n))
	}
	send([]byte("["))
	separator := []byte("},{\"id\"")
	for !h.sendRest.Load() && len(list) > 0 {
		end := len(list)
		if i := bytes.Index(list, separator); i >= 0 {
			end = i + len("},")
		}
		send(list[:end])
		list = list[end:]
		_ = rc.Flush()
		time.Sleep(time.Millisecond)
	}
	send(list)
	send([]byte("]"))
}

// goroutineCounts lists the numbers of goroutines that are measured.
var goroutineCounts = []int{32, 100}

// barrier blocks requests until n of them have arrived, so that each needs its own connection, or its own stream with
// HTTP/2.
type barrier struct {
	n       int
	mu      sync.Mutex
	waiting int
	release chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{n: n, release: make(chan struct{})} }

func (b *barrier) wait() {
	b.mu.Lock()
	b.waiting++
	release := b.release
	if b.waiting == b.n {
		close(release)
		b.waiting, b.release = 0, make(chan struct{})
	}
	b.mu.Unlock()
	select {
	case <-release:
	case <-time.After(5 * time.Second): // the client allows fewer than n connections
	}
}

// newCertificate returns a self-signed certificate for the loopback address.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
