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

// The protocols, each with a listener of its own.
const (
	http1 = "HTTP/1.1"
	http2 = "HTTP/2"
)

// serveArgument makes this program the server.
const serveArgument = "serve"

// machinesPath is where the machines of a group are. The group's name says what
// the answer is.
const machinesPath = "/accounts/acme/groups/%s/virtual_machines"

// announcement is what the server says of itself on its standard output.
type announcement struct {
	Bases       map[string]string // by protocol
	Control     string
	Certificate []byte
}

// server is the running server, as the clients' process sees it.
type server struct {
	announcement
	command *exec.Cmd
	stdin   io.Closer
}

// startServer runs this program again, as the server, and trusts its certificate
// in the whole of this process: clients are measured as they are shipped.
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
	if err := json.NewDecoder(stdout).Decode(&s.announcement); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	certificate, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		s.stop()
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	x509.SetFallbackRoots(roots)
	return s, nil
}

// stop ends the server, which lives as long as its standard input is open.
func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.command.Wait()
}

// ask reads a number that the server counts.
func (s *server) ask(what string) (int64, error) {
	resp, err := http.Get(s.Control + what)
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

// connections is how many connections the server has accepted over a protocol.
func (s *server) connections(protocol string) (int64, error) {
	return s.ask("/connections?over=" + protocol)
}

// serve is the server's process. It ends with its standard input.
func serve() error {
	certificate, err := makeCertificate()
	if err != nil {
		return err
	}
	h := newHandler()
	said := announcement{Bases: map[string]string{}, Certificate: certificate.Certificate[0]}
	for _, protocol := range []string{http1, http2} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		said.Bases[protocol] = "https://" + listener.Addr().String()
		accepted := new(atomic.Int64)
		h.accepted[protocol] = accepted
		srv := &http.Server{
			Handler:   h.api,
			Protocols: new(http.Protocols),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
			// Peers break connections off; that is none of the reader's business.
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
	said.Control = "http://" + control.Addr().String()
	go func() { _ = http.Serve(control, h.control) }()
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// handler answers what the measures ask for.
type handler struct {
	api, control *http.ServeMux
	accepted     map[string]*atomic.Int64 // connections, by protocol
	sent         atomic.Int64             // bytes of the paced list
	hurry        atomic.Bool              // whether the paced list may be sent at once
}

// long is how many machines the list has that others are made of.
const long = 10_000

func newHandler() *handler {
	h := &handler{api: http.NewServeMux(), control: http.NewServeMux(), accepted: map[string]*atomic.Int64{}}
	machine, missing, list := machineAnswer(5012), notFoundAnswer(), elements(long)
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "web")+"/www1", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, machine)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "web")+"/absent", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, missing)
	})
	for _, n := range gatherings {
		g := newGathering(n)
		h.api.HandleFunc(fmt.Sprintf("GET "+machinesPath+"/gathering%d", "web", n), func(w http.ResponseWriter, _ *http.Request) {
			g.wait()
			answer(w, http.StatusOK, machine)
		})
	}
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "long"), func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, slicesOf(list, 1)...)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "longer"), func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, slicesOf(list, 10)...)
	})
	h.api.HandleFunc("GET "+fmt.Sprintf(machinesPath, "paced"), func(w http.ResponseWriter, _ *http.Request) {
		h.pace(w, list)
	})
	for path, body := range peerAnswers {
		h.api.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []byte(body)) })
	}
	h.control.HandleFunc("GET /connections", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, h.accepted[r.FormValue("over")].Load())
	})
	h.control.HandleFunc("GET /sent", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, h.sent.Load())
		h.hurry.Store(true)
	})
	return h
}

// slicesOf is a list that holds elements so many times.
func slicesOf(elements []byte, times int) [][]byte {
	parts := [][]byte{[]byte("[")}
	for i := range times {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, elements)
	}
	return append(parts, []byte("]\n"))
}

func answer(w http.ResponseWriter, status int, parts ...[]byte) {
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

// pace sends the list an element a millisecond, counting the bytes, until the
// client has asked for the count.
func (h *handler) pace(w http.ResponseWriter, list []byte) {
	h.sent.Store(0)
	h.hurry.Store(false)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(list)+len("[]")))
	rc := http.NewResponseController(w)
	send := func(part []byte) {
		n, _ := w.Write(part)
		h.sent.Add(int64(n))
	}
	send([]byte("["))
	between := []byte("},{\"id\"")
	for !h.hurry.Load() && len(list) > 0 {
		end := len(list)
		if i := bytes.Index(list, between); i >= 0 {
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

// gatherings are how many goroutines are measured at once.
var gatherings = []int{32, 100}

// gathering holds requests back until so many are there, so that each of them
// needs a connection of its own, or a stream.
type gathering struct {
	n       int
	mu      sync.Mutex
	there   int
	arrived chan struct{}
}

func newGathering(n int) *gathering { return &gathering{n: n, arrived: make(chan struct{})} }

func (g *gathering) wait() {
	g.mu.Lock()
	g.there++
	arrived := g.arrived
	if g.there == g.n {
		close(arrived)
		g.there, g.arrived = 0, make(chan struct{})
	}
	g.mu.Unlock()
	select {
	case <-arrived:
	case <-time.After(5 * time.Second): // the client has a limit below n
	}
}

// makeCertificate makes a certificate for the loopback that vouches for itself.
func makeCertificate() (tls.Certificate, error) {
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
