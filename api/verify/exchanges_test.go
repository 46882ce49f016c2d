package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bigv-go/bigv/internal/exchange"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
)

// accepted are the tests that send an invalid request which is not refused, and why.
var accepted = map[string]string{
	"TestWire/Privileges/Privileges.Grant_of_an_unknown_level":            "the SDK leaves levels to the service",
	"TestWire/Discs/Discs.Update_of_the_limit_to_zero":                    "the SDK leaves limits to the service",
	"TestConformanceAccounts/reading/an_unknown_view_is_ignored":          "the service ignores what it does not know",
	"TestConformanceBodies/bodies/numbers_can_be_strings":                 "clients have sent them so",
	"TestConformanceVirtualMachineCreate/defaults/numbers_can_be_strings": "clients have sent them so",
	"TestConformanceBackups/backups/a_PUT_without_restore_does_nothing":   "it restores nothing",
}

// TestExchanges runs the wire tests of the SDK and the conformance tests of bigvtest, and compares what they send and receive with
// the description:
//
//   - A request of the SDK is valid, and has no parameters and attributes that the description lacks.
//   - A request to bigvtest is valid if it is accepted. One to a path that the description lacks gets 404 or 405.
//   - A response of bigvtest is valid, and has no members that the description lacks.
//   - Each operation occurs in a test of the SDK, unless it has x-not-in-sdk, and in a successful exchange with bigvtest.
func TestExchanges(t *testing.T) {
	d := load(t)
	strict := newValidator(t, d, config.WithStrictMode())
	lenient := newValidator(t, d)
	sent, served, unused := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for name := range accepted {
		unused[name] = true
	}
	report := newReporter(t)
	checkRequest := func(e recorded, operation, what string, failures []*errors.ValidationError) {
		if _, ok := accepted[e.Test]; !ok {
			report.failures(e, operation, what, failures)
		} else if len(failures) > 0 {
			delete(unused, e.Test)
		}
	}
	for _, e := range record(t) {
		item, path := d.find(e.request())
		known := item != nil && item.GetOperations().GetOrZero(strings.ToLower(e.Method)) != nil
		operation := e.Method + " " + path
		refused := e.Status >= http.StatusBadRequest
		if !known {
			if e.Status != http.StatusNotFound && e.Status != http.StatusMethodNotAllowed {
				report(e, operation, "the request", "the description has no such operation")
			}
			continue
		}
		if e.Status == 0 {
			sent[operation] = true
			checkRequest(e, operation, "the request", strict.request(e))
			continue
		}
		if !refused {
			checkRequest(e, operation, "the request, which was accepted,", lenient.request(e))
		}
		served[operation] = served[operation] || !refused
		report.failures(e, operation, fmt.Sprintf("the response %d", e.Status), strict.response(e))
	}
	for _, o := range d.operations() {
		reason := text(member(o.node, "x-not-in-sdk"))
		switch {
		case !sent[o.String()] && reason == "":
			t.Errorf("%s: no wire test of the SDK sends %s", place(o.node), o)
		case sent[o.String()] && reason != "":
			t.Errorf("%s: remove x-not-in-sdk: the SDK sends %s", place(o.node), o)
		}
		if !served[o.String()] {
			t.Errorf("%s: no conformance test of bigvtest has a success of %s", place(o.node), o)
		}
	}
	for name := range unused {
		t.Errorf("api/verify/exchanges_test.go: remove %s from accepted: it sends no invalid request that is not refused", name)
	}
}

// recorded is a recorded exchange.
type recorded struct{ exchange.Exchange }

// request returns the request of the exchange. Of its header it has what the description mentions.
func (e recorded) request() *http.Request {
	r := httptest.NewRequest(e.Method, e.URL, strings.NewReader(e.Body))
	for _, name := range []string{"Content-Type", "Authorization"} {
		if value := e.Header.Get(name); value != "" && (name != "Content-Type" || e.Body != "") {
			r.Header.Set(name, value)
		}
	}
	return r
}

// find returns the path of a request in the description. A literal path precedes one with placeholders, whatever its methods are.
func (d description) find(r *http.Request) (item *v3.PathItem, path string) {
	if item = d.model.Paths.PathItems.GetOrZero(r.URL.Path); item != nil {
		return item, r.URL.Path
	}
	item, _, path = paths.FindPath(r, d.model, nil)
	return item, path
}

// response returns the response of the exchange, with nothing of its header but the Content-Type. An error may have no body.
func (e recorded) response() *http.Response {
	kind := e.ResponseHeader.Get("Content-Type")
	if e.ResponseBody == "" && e.Status >= http.StatusBadRequest {
		kind = "text/plain"
	}
	header := http.Header{"Content-Type": {kind}}
	return &http.Response{StatusCode: e.Status, Header: header, Body: io.NopCloser(strings.NewReader(e.ResponseBody))}
}

// record runs the tests and returns the exchanges that they record.
func record(t *testing.T) (list []recorded) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "exchanges.jsonl")
	for pkg, tests := range map[string]string{".": "^TestWire$", "./bigvtest": "^TestConformance"} {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", tests, pkg)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), exchange.Variable+"="+name)
		before := size(name)
		output, err := cmd.CombinedOutput()
		require.Greater(t, size(name), before, "go test -run '%s' %s: %s", tests, pkg, output)
		if err != nil {
			t.Errorf("go test -run '%s' %s fails; the exchanges up to the failure are compared", tests, pkg)
		}
	}
	lines, err := os.ReadFile(name)
	require.NoError(t, err)
	scanner := bufio.NewScanner(bytes.NewReader(lines))
	scanner.Buffer(nil, len(lines)+1)
	for scanner.Scan() {
		var e recorded
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &e.Exchange))
		list = append(list, e)
	}
	require.NoError(t, scanner.Err())
	return list
}

// size returns the size of a file, or 0 if there is none.
func size(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// checker validates exchanges.
type checker struct{ validator.Validator }

func newValidator(t *testing.T, d description, opts ...config.Option) checker {
	t.Helper()
	v, errs := validator.NewValidator(d.document, opts...)
	require.Empty(t, errs)
	return checker{v}
}

func (c checker) request(e recorded) []*errors.ValidationError {
	_, failures := c.ValidateHttpRequestSync(e.request())
	return failures
}

func (c checker) response(e recorded) []*errors.ValidationError {
	_, failures := c.ValidateHttpResponse(e.request(), e.response())
	return failures
}

// reporter reports differences: each kind once, at the end of the test, with the first exchange that has it.
type reporter func(e recorded, operation, what, why string)

func newReporter(t *testing.T) reporter {
	var order []string
	first, count := map[string]string{}, map[string]int{}
	t.Cleanup(func() {
		for _, kind := range order {
			t.Errorf("%s (exchanges: %d)", first[kind], count[kind])
		}
	})
	return func(e recorded, operation, what, why string) {
		kind := location.ReplaceAllString(why, "")
		if count[kind]++; count[kind] > 1 {
			return
		}
		order = append(order, kind)
		first[kind] = fmt.Sprintf("%s: %s of %s (%s %s) differs from %s: %s", e.Test, what, operation, e.Method, e.URL, file, why)
	}
}

// location matches where in a body the difference is, without the last name: "$.discs[0]." of "$.discs[0].size".
var location = regexp.MustCompile(`\$[^:' ]*\.|\[\d+\]| at '[^ ]*'`)

// failures reports the failures of a validation.
func (report reporter) failures(e recorded, operation, what string, failures []*errors.ValidationError) {
	for _, failure := range failures {
		switch {
		case strings.HasPrefix(failure.Reason, "Strict mode"):
			report(e, operation, what, failure.Message)
		case len(failure.SchemaValidationErrors) == 0:
			report(e, operation, what, failure.Message+": "+failure.Reason)
		}
		for _, schema := range failure.SchemaValidationErrors {
			report(e, operation, what, fmt.Sprintf("%s: %s", schema.FieldPath, schema.Reason))
		}
	}
}
