package sim

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
)

// misbehave handles a request as the fault says.
func misbehave(f Fault, service http.Handler, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case Respond:
		if f.After {
			service.ServeHTTP(httptest.NewRecorder(), r)
		}
		respond(f, w)
	case Lose:
		service.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Twice:
		sendTwice(service, w, r)
	case CloseAfter:
		w.Header().Set("Connection", "close")
		service.ServeHTTP(w, r)
	case Informational:
		w.WriteHeader(f.Status)
		service.ServeHTTP(w, r)
	}
}

// respond sends the response of a Respond fault.
func respond(f Fault, w http.ResponseWriter) {
	if name, value, ok := strings.Cut(f.Header, ": "); ok {
		w.Header().Set(name, value)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// sendTwice passes a request to the service twice and sends the first response.
func sendTwice(service http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	send := func(r *http.Request) *httptest.ResponseRecorder {
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		service.ServeHTTP(recorder, r)
		return recorder
	}
	first := send(r)
	again := r.Clone(r.Context())
	again.Header.Set(duplicateHeader, "1")
	send(again)
	maps.Copy(w.Header(), first.Header())
	w.WriteHeader(first.Code)
	_, _ = w.Write(first.Body.Bytes())
}
