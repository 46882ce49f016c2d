package bigv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/route"
)

// operation describes one call of a service method: its name, HTTP method, idempotency, endpoint
// and body. The functions in call.go execute it.
type operation struct {
	name        string // what it does, for errors and logs: "update virtual machine"
	method      string
	idempotency retry.Idempotency
	endpoint    endpoint
	body        any        // nil sends none
	encode      encodeFunc // encodes body; nil if there is none

	refusal  string // what a 400 without a reason means, such as "the machine must be off"; may be empty
	large    bool   // the response may be large, so it is requested in compressed form
	implicit bool   // this is the login that precedes another call
}

// reading returns the operation of a GET whose response is one object.
func reading(name string, e endpoint) operation {
	return operation{name: name, method: http.MethodGet, idempotency: retry.Safe, endpoint: e}
}

// listing returns the operation of a GET whose response is a list.
func listing(name string, e endpoint) operation {
	return operation{name: name, method: http.MethodGet, idempotency: retry.Safe, endpoint: e, large: true}
}

// posting returns the operation of a POST, which is never idempotent.
func posting(name string, e endpoint, body any) operation {
	return writing(name, http.MethodPost, retry.NonIdempotent, e, body)
}

// putting returns the operation of a PUT of absolute values, which is idempotent.
func putting(name string, e endpoint, body any) operation {
	return writing(name, http.MethodPut, retry.Idempotent, e, body)
}

// puttingOnce returns the operation of a PUT that is not idempotent: repeating it has another
// effect, or its path is no longer valid.
func puttingOnce(name string, e endpoint, body any) operation {
	return writing(name, http.MethodPut, retry.NonIdempotent, e, body)
}

// writing returns the operation of a request that may have a body.
func writing(name, method string, idempotency retry.Idempotency, e endpoint, body any) operation {
	return operation{name: name, method: method, idempotency: idempotency, endpoint: e, body: body, encode: encodeBody}
}

// deleting returns the operation of a DELETE, which is idempotent.
func deleting(name string, e endpoint) operation {
	return operation{name: name, method: http.MethodDelete, idempotency: retry.Idempotent, endpoint: e}
}

// refusedIf returns the operation with the meaning of a 400 without a reason.
func (op operation) refusedIf(reason string) operation {
	op.refusal = reason
	return op
}

// endpoint describes the URL of an operation, which is that of a resource, of a route below a
// resource, or a fixed route; and the properties of requests to it.
type endpoint struct {
	path    resourcePath // nil for a fixed route
	route   string       // the template below path, or the whole template
	args    []string     // for the placeholders of route
	query   any          // a struct with url tags, or nil
	subject string       // what the call is about, for errors; empty means path or args

	// lookUp, unless nil, does the lookup that verifying the elements of a list needs. It is done
	// before a list is streamed, since there may be no connection for it while one is.
	lookUp func() error

	auth         bool   // the URL is one of the authentication service
	accept       string // the media type of the response, if not JSON
	anonymous    bool   // the request carries no token
	confidential bool   // args and bodies are secrets: errors show the route, captures no bodies
	login        bool   // 401 and 403 are about the credentials in the body
}

// resource returns the endpoint of the resource that p identifies.
func resource(p resourcePath) endpoint { return endpoint{path: p} }

// below returns the endpoint with this route below the resource that p identifies.
func below(p resourcePath, route string, args ...string) endpoint {
	return endpoint{path: p, route: route, args: args}
}

// fixed returns the endpoint with this route, which is not below a resource.
func fixed(route string, args ...string) endpoint { return endpoint{route: route, args: args} }

// withQuery returns the endpoint with the query parameters in query, a struct with url tags.
func (e endpoint) withQuery(query any) endpoint {
	e.query = query
	return e
}

// withLookUp returns the endpoint with a lookup that verifying the elements needs.
func (e endpoint) withLookUp(lookUp func() error) endpoint {
	e.lookUp = lookUp
	return e
}

// about returns the endpoint with another subject.
func (e endpoint) about(subject string) endpoint {
	e.subject = subject
	return e
}

// describe returns what the call is about, as the caller wrote it.
func (e endpoint) describe() string {
	if e.subject != "" {
		return e.subject
	}
	if e.path != nil {
		return e.path.display()
	}
	if e.confidential {
		return ""
	}
	return strings.Join(e.args, " ")
}

// template returns the template of the nested URL, or the fixed route.
func (e endpoint) template() string {
	if e.path == nil {
		return e.route
	}
	return e.path.kind().template + e.route
}

// checkID returns an error if the endpoint identifies a resource by ID, and object has another ID.
func (e endpoint) checkID(object any) error {
	if e.path == nil || e.route != "" {
		return nil
	}
	want := e.path.Name()
	if !route.IsID(want) {
		return nil
	}
	if o, ok := object.(identified); ok && o.objectID() != 0 && strconv.Itoa(o.objectID()) != strings.TrimLeft(want, "0") {
		return fmt.Errorf("the response contains the object with ID %d, want %s", o.objectID(), want)
	}
	return nil
}

// Optional interfaces of request bodies and of decoded responses.
type (
	// validator is implemented by bodies that are checked before they are sent.
	validator interface{ validate() error }

	// adviser is implemented by bodies with an attribute that some statuses are about.
	adviser interface{ advice(status int) string }

	// identified is implemented by objects that have an ID, so that a response with another object
	// is detected.
	identified interface{ objectID() int }

	// completer is implemented by objects that have no ID, to check that they are complete.
	completer interface{ checkComplete() error }

	// statusReader is implemented by objects that depend on the status of the response.
	statusReader interface{ setStatus(status int) }
)

// checkComplete returns an error if a decoded object lacks what identifies it. Such a response, like
// {"error":"busy"}, is not the service's.
func checkComplete(object any) error {
	if o, ok := object.(completer); ok {
		return o.checkComplete()
	}
	if o, ok := object.(identified); ok && o.objectID() == 0 {
		return errNoID
	}
	return nil
}

var errNoID = errors.New("the ID is missing")

// resourcePath is implemented by the path types: AccountPath, GroupPath and so on.
type resourcePath interface {
	Name() string // the last segment
	kind() pathKind
	segments() segments
	display() string // as errors show it
}

// childPath is a resourcePath that can be an ID alone, without parents.
type childPath interface {
	resourcePath
	// resolveParents returns the full path, for which it may send requests.
	resolveParents(ctx context.Context, c *Client) (resourcePath, error)
}

// pathKind describes the paths of one kind of resource.
type pathKind struct {
	template   string // of the nested URL
	depth      int    // the number of segments of a full path
	collection string // the flat URL of the collection that finds an ID alone; empty if there is none
	inAccount  bool   // the first segment of the nested URL is an account
}

// maxDepth is the largest depth of a path.
const maxDepth = 5

// segments holds the segments of a path, the child first. A path that is an ID alone has no
// segments for its parents. A parent that is empty by mistake has an empty segment, so that the
// path is refused. An array is used to avoid an allocation in each call.
type segments struct {
	n    int
	list [maxDepth]string
}

func (s *segments) add(segment string) {
	s.list[s.n] = segment
	s.n++
}

// isComplete reports whether a path has all its segments.
func isComplete[P interface {
	IsZero() bool
	lacksParents() bool
}](p P) bool {
	return !p.IsZero() && !p.lacksParents()
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// zeroPathError returns the error for a path of this kind that is zero.
func zeroPathError(kind pathKind) error {
	names := placeholder.FindAllString(kind.template, -1)
	return fmt.Errorf("%s path is empty: it identifies no resource", strings.Trim(names[len(names)-1], "{}"))
}

// checkPath returns an error that names the first invalid segment of a path.
func checkPath(p resourcePath) error {
	segments := p.segments()
	if segments.n == 0 {
		return zeroPathError(p.kind())
	}
	for i, segment := range segments.list[:segments.n] {
		if err := route.Check(segment); err != nil {
			names := placeholder.FindAllString(p.kind().template, -1)
			return fmt.Errorf("%s %w", strings.Trim(names[len(names)-1-i], "{}"), err)
		}
	}
	return nil
}

// resolveEndpoint returns the route template and the escaped path of an operation, with the default
// account filled in. If the path is an ID alone and the operation needs its parents,
// resolveEndpoint sends requests to look them up.
func (c *Client) resolveEndpoint(ctx context.Context, op *operation) (template, path string, err error) {
	e := &op.endpoint
	if e.path == nil {
		path, err = route.Expand(e.route, e.args...)
		return e.template(), path, err
	}
	kind, segments := e.path.kind(), e.path.segments()
	if segments.n == 0 {
		return "", "", zeroPathError(kind)
	}
	if segments.n < kind.depth {
		if op.method == http.MethodGet && e.route == "" && kind.collection != "" && segments.n == 1 {
			template = kind.collection + "/{ID}"
			path, err = route.Expand(template, segments.list[0])
			return template, path, err
		}
		// Refuse an invalid path before sending requests to look up its parents.
		if err := checkPath(e.path); err != nil {
			return "", "", err
		}
		full, err := resolveParents(ctx, c, e.path)
		if err != nil {
			return "", "", err
		}
		segments = full.segments()
	}
	template = kind.template + e.route
	var array [maxDepth + 2]string // keeps args off the heap
	args := array[:0]
	for i := segments.n - 1; i >= 0; i-- {
		args = append(args, segments.list[i])
	}
	args = append(args, e.args...)
	if kind.inAccount {
		account, err := c.resolveDefaultAccount(AccountPath(args[0]))
		if err != nil {
			return "", "", err
		}
		args[0] = string(account)
	}
	path, err = route.Expand(template, args...)
	return template, path, err
}

// resolveParents returns the full path of an ID alone.
func resolveParents(ctx context.Context, c *Client, p resourcePath) (resourcePath, error) {
	child, ok := p.(childPath)
	if !ok {
		return p, nil
	}
	full, err := child.resolveParents(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("looking up the parents of %s: %w", p.display(), err)
	}
	return full, nil
}

// resolveDefaultAccount replaces DefaultAccount by the client's default account.
func (c *Client) resolveDefaultAccount(account AccountPath) (AccountPath, error) {
	if account != DefaultAccount {
		return account, nil
	}
	if c.account == "" {
		return "", errors.New("no default account is set: use WithAccount or BIGV_ACCOUNT")
	}
	return c.account, nil
}

// sameAccount reports whether two paths contain the same account name, ignoring case, or the same
// ID.
func (c *Client) sameAccount(a, b AccountPath) bool {
	a, _ = c.resolveDefaultAccount(a)
	b, _ = c.resolveDefaultAccount(b)
	return strings.EqualFold(string(a), string(b))
}
