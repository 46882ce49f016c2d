package sim

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// bug is a mistake that a transport adds to the client.
type bug struct {
	name    string
	wrap    wrapper
	http2   bool
	job     string
	problem string // a part of what the oracle says
}

var bugs = []bug{
	{"a POST is repeated after 502", repeatAfterBadGateway, false, "Privileges.Grant", "applied twice"},
	{"net/http repeats requests", letNetHTTPRepeat, true, "Privileges.Grant", "applied twice"},
	{"a lost response is success", acceptLostResponses, false, "Privileges.Grant", notApplied},
	{"a cut response is success", acceptCutResponses, false, "list", "the list is incomplete"},
	{"the end of the context hides that a write was sent", hideSentRequests, true, "Privileges.Grant", appliedInSpite},
	{"a connection is used again after a timeout", reuseAfterTimeout, false, "Groups.FindOrCreate", ""},
}

func TestSimulatorFindsBugs(t *testing.T) {
	for _, bug := range bugs {
		t.Run(bug.name, func(t *testing.T) {
			const limit = 5000
			for seed := range uint64(limit) {
				s := scenario{http2: bug.http2, jobs: []string{bug.job}}
				s.addFaults(rand.New(rand.NewPCG(seed, 0)), 4)
				problem := s.newProblem(t, bug.wrap)
				if problem != "" && strings.Contains(problem, bug.problem) && s.fails(t, 3) == "" {
					t.Logf("found by schedule %d: %s\n%s", seed, problem, schedule(s.faults))
					return
				}
			}
			t.Errorf("not found by %d random schedules", limit)
		})
	}
}

// roundTripper is a function that is a transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// repeatAfterBadGateway repeats every request after status 502.
func repeatAfterBadGateway(base *http.Transport) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		body := readBody(req)
		resp, err := base.RoundTrip(withBody(req, body))
		if err != nil || resp.StatusCode != http.StatusBadGateway {
			return resp, err
		}
		resp.Body.Close()
		return base.RoundTrip(withBody(untraced(req), body)) // the client would notice it in a trace
	})
}

// letNetHTTPRepeat sets GetBody and hides from the client what net/http does.
func letNetHTTPRepeat(base *http.Transport) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		body := readBody(req)
		req = withBody(untraced(req), body)
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		return base.RoundTrip(req)
	})
}

// acceptLostResponses takes a lost response for an empty one.
func acceptLostResponses(base *http.Transport) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
		}
		return resp, nil
	})
}

// acceptCutResponses completes a list that was cut.
func acceptCutResponses(base *http.Transport) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			end := bytes.LastIndex(body, []byte("},{"))
			if end < 0 {
				return nil, err
			}
			body, resp.ContentLength = append(body[:end], "}]"...), -1
			resp.Header.Del("Content-Length")
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return resp, nil
	})
}

// hideSentRequests reports a request whose context ended as one that was not sent.
func hideSentRequests(base *http.Transport) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(untraced(req))
		if err != nil && req.Context().Err() != nil {
			err = &net.OpError{Op: "dial", Err: req.Context().Err()}
		}
		return resp, err
	})
}

// reuseAfterTimeout sends all requests on one connection, also after a response that has not arrived.
func reuseAfterTimeout(base *http.Transport) http.RoundTripper {
	turn := make(chan struct{}, 1) // a mutex would keep the time of the bubble from advancing
	var connection net.Conn
	var reader *bufio.Reader
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		turn <- struct{}{}
		defer func() { <-turn }()
		if connection == nil {
			dialled, err := base.DialContext(req.Context(), "tcp", "cloud.test:80")
			if err != nil {
				return nil, err
			}
			connection, reader = dialled, bufio.NewReader(dialled)
		}
		_ = connection.SetReadDeadline(time.Time{})
		stop := context.AfterFunc(req.Context(), func() { _ = connection.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
		resp, body, err := sendOn(connection, reader, untraced(req))
		if err != nil {
			if req.Context().Err() == nil {
				connection = nil
			}
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return resp, nil
	})
}

// sendOn writes a request and reads its response.
func sendOn(w io.Writer, r *bufio.Reader, req *http.Request) (*http.Response, []byte, error) {
	if err := req.Write(w); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// untraced returns the request with a context that ends like its own but has no values, so that the client has no trace of what
// net/http does.
func untraced(req *http.Request) *http.Request {
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(req.Context(), cancel)
	return req.WithContext(ctx)
}

func readBody(req *http.Request) []byte {
	if req.Body == nil {
		return nil
	}
	body, _ := io.ReadAll(req.Body)
	req.Body.Close()
	return body
}

// withBody returns a copy of the request with another body.
func withBody(req *http.Request, body []byte) *http.Request {
	req = req.Clone(req.Context())
	if len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return req
}
