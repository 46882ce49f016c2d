package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ready is the line that the program prints when it is ready.
type ready struct {
	API    string
	Auth   string
	Token  string
	APIKey string `json:"api_key"`
}

// buffer is a bytes.Buffer that is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start runs the program and waits until it is ready. The returned function stops it and returns its error.
func start(t *testing.T, stderr io.Writer, args ...string) (ready, func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		err := run(ctx, args, w, stderr)
		_ = w.CloseWithError(io.EOF)
		result <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	stop := func() error {
		cancel()
		return <-result
	}
	if err != nil {
		cancel()
		require.NoError(t, <-result)
	}
	var srv ready
	require.NoError(t, json.Unmarshal([]byte(line), &srv))
	return srv, stop
}

func get(t *testing.T, client *http.Client, address, token string) (int, string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestServeUntilStopped(t *testing.T) {
	var stderr buffer
	srv, stop := start(t, &stderr, "-machines", "5")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	for name, token := range map[string]string{"token": srv.Token, "API key": "apikey." + srv.APIKey} {
		status, body := get(t, client, srv.API+"/virtual_machines?account_name=acme", token)
		assert.Equal(t, http.StatusOK, status, name)
		assert.Equal(t, 3+5, strings.Count(body, `"hostname"`), name)
	}
	response, err := client.Post(srv.Auth+"/session", "application/json", strings.NewReader(`{"username":"bob","password":"bob-password"}`))
	require.NoError(t, err)
	session, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	status, body := get(t, client, srv.API+"/accounts", string(session))
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "[]", body)

	require.NoError(t, stop())
	_, err = client.Get(srv.API + "/definitions")
	assert.Error(t, err, "the server is closed")
	assert.Contains(t, stderr.String(), `msg="GET /virtual_machines" query="account_name=acme" status=200`)
	for _, secret := range []string{srv.Token, srv.APIKey, "bob-password", string(session)} {
		assert.NotContains(t, stderr.String(), secret)
	}
}

func TestServeDescription(t *testing.T) {
	srv, stop := start(t, io.Discard)
	defer func() { assert.NoError(t, stop()) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for path, want := range map[string]string{"/openapi.yaml": "\nopenapi: 3.1.0\n", "/openapi.html": `<code>GET /definitions</code>`} {
		for range 2 {
			status, body := get(t, client, srv.API+path, "no-such-token")
			assert.Equal(t, http.StatusOK, status, path)
			assert.Contains(t, body, want, path)
		}
	}
	_, page := get(t, client, srv.API+"/openapi.html", "")
	for _, asset := range []string{"src=", "@import", "<link", "<script", "url("} {
		assert.NotContains(t, page, asset, "the page needs no other file")
	}
}

func TestServeTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	srv, stop := start(t, io.Discard, "-tls", "-tls-cert", file)
	defer func() { assert.NoError(t, stop()) }()
	certificate, err := os.ReadFile(file)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(certificate))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	status, _ := get(t, client, srv.API+"/accounts/acme", srv.Token)
	assert.Equal(t, http.StatusOK, status)
	assert.True(t, strings.HasPrefix(srv.Auth, "https://"))
}

func TestInvalidFlags(t *testing.T) {
	for name, args := range map[string][]string{
		"an argument":                   {"now"},
		"a negative speed":              {"-speed", "-1"},
		"a speed of zero":               {"-speed", "0"},
		"a speed that is not a number":  {"-speed", "NaN"},
		"an infinite speed":             {"-speed", "Inf"},
		"a speed above the maximum":     {"-speed", "1e300"},
		"a negative number of machines": {"-machines", "-1"},
		"a certificate without TLS":     {"-tls-cert", "cert.pem"},
		"an error status for POST":      {"-post-status", "404"},
		"an unknown flag":               {"-fast"},
		"an invalid address":            {"-listen", "nowhere"},
		"no such directory":             {"-tls", "-tls-cert", "/nonexistent/cert.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // if the flags are accepted, run returns at once
			assert.Error(t, run(ctx, args, io.Discard, io.Discard))
		})
	}
	assert.NoError(t, run(t.Context(), []string{"-help"}, io.Discard, io.Discard))
}

func TestInvalidFlagIsReportedOnce(t *testing.T) {
	var stderr bytes.Buffer
	err := run(t.Context(), []string{"-nope"}, io.Discard, &stderr)
	assert.ErrorContains(t, err, "-nope") // main prints it
	assert.NotContains(t, stderr.String(), "-nope")
	assert.Contains(t, stderr.String(), "Usage of fakeserver:\n")

	stderr.Reset()
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "Usage of fakeserver:\n")
}
