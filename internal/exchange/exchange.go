// Package exchange records the HTTP exchanges of tests in a file, so that the module in api/verify can compare them with
// api/openapi.yaml. Only tests use it.
package exchange

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
)

// Variable is the environment variable that names the file. If it is not set, nothing is recorded.
const Variable = "BIGV_EXCHANGES"

// Exchange is a request and the response to it, as one line of JSON in the file.
type Exchange struct {
	Test   string      `json:"test"` // name of the test that sent the request
	Method string      `json:"method"`
	URL    string      `json:"url"` // path and query, as they were sent
	Header http.Header `json:"header"`
	Body   string      `json:"body"`

	// Status is 0 if the response is not one of bigvtest. The fields below are empty then.
	Status         int         `json:"status"`
	ResponseHeader http.Header `json:"response_header"`
	ResponseBody   string      `json:"response_body"`
}

// Record appends an exchange to the file, with the name of the test.
func Record(t testing.TB, e Exchange) {
	t.Helper()
	name := os.Getenv(Variable)
	if name == "" {
		return
	}
	e.Test = t.Name()
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatalf("recording an exchange: %v", err)
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("recording an exchange: %v", err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil { // in one write, because other tests append too
		t.Fatalf("recording an exchange: %v", err)
	}
}
