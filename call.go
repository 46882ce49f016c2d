package bigv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/bigv-go/bigv/internal/roundtrip"
	"github.com/bigv-go/bigv/internal/route"
	"github.com/bigv-go/bigv/internal/wire"
	"github.com/google/go-querystring/query"
)

// operation is what a service method says of itself.
type operation struct {
	name   string // what it does, in words
	method string
	class  roundtrip.Class
	long   bool // its answer may be
}

func reading(name string) operation {
	return operation{name: name, method: http.MethodGet, class: roundtrip.Safe}
}

func listing(name string) operation {
	return operation{name: name, method: http.MethodGet, class: roundtrip.Safe, long: true}
}

// posting, and all that must never be done twice.
func posting(name string) operation {
	return operation{name: name, method: http.MethodPost, class: roundtrip.Once}
}

// putting absolute values: the same however often it is done.
func putting(name string) operation {
	return operation{name: name, method: http.MethodPut, class: roundtrip.Repeatable}
}

// puttingOnce is for what another PUT would do again, or not find any more.
func puttingOnce(name string) operation {
	return operation{name: name, method: http.MethodPut, class: roundtrip.Once}
}

func deleting(name string) operation {
	return operation{name: name, method: http.MethodDelete, class: roundtrip.Repeatable}
}

// place is a path as the calls see it.
type place interface {
	// segments are its words, the child first, unknown parents left out.
	segments() words
	// nested is the template of its nested URL, and how many words that takes.
	nested() (template string, depth int)
	// flat is the template of the collection that its ID is looked up in.
	flat() string
	// parents finds the parents that an ID alone does not tell.
	parents(ctx context.Context, c *Client) (place, error)
	text() string
}

// target is where a call goes: a fixed route, or one below a place.
type target struct {
	place  place  // nil if the route is fixed
	suffix string // below the place, or the whole route
	args   []string
	query  any    // a struct with url tags, or nil
	about  string // what the call is about, if place and args do not say
}

// at is a route below a place.
func at(p place, suffix string, args ...string) target {
	return target{place: p, suffix: suffix, args: args}
}

// under is a route below no place.
func under(route string, args ...string) target { return target{suffix: route, args: args} }

func (t target) with(query any) target {
	t.query = query
	return t
}

// of says what a call to a fixed route is about.
func (t target) of(subject string) target {
	t.about = subject
	return t
}

func (t target) subject() string {
	switch {
	case t.about != "":
		return t.about
	case t.place != nil:
		return t.place.text()
	}
	return strings.Join(t.args, " ")
}

// identify holds what answer points to against the ID that its place was named by,
// if it was.
func (t target) identify(answer any) error {
	if t.place == nil || t.suffix != "" {
		return nil
	}
	asked := t.place.segments().list[0]
	if !route.IsID(asked) {
		return nil
	}
	if thing, ok := answer.(interface{ identity() int }); ok && thing.identity() != 0 && strconv.Itoa(thing.identity()) != strings.TrimLeft(asked, "0") {
		return fmt.Errorf("it is about ID %d, and %s was asked for", thing.identity(), asked)
	}
	return nil
}

// isFull reports whether a path knows all its parents.
func isFull(p place) bool {
	_, depth := p.nested()
	return p.segments().n == depth
}

// expand makes the route and the escaped path of a target, after its default
// account has been filled in and its parents have been found.
func (c *Client) expand(ctx context.Context, op operation, t target) (template, path string, err error) {
	if t.place == nil {
		path, err = route.Expand(t.suffix, t.args...)
		return t.suffix, path, err
	}
	segments := t.place.segments()
	nested, depth := t.place.nested()
	switch {
	case segments.n == 0:
		return "", "", errNoPath
	case segments.n == depth: // it is full
	case op.method == http.MethodGet && t.suffix == "" && t.place.flat() != "" && segments.n == 1:
		template = t.place.flat() + "/{ID}"
		path, err = route.Expand(template, segments.list[0])
		return template, path, err
	default:
		// What could never be sent is refused before its parents are asked for.
		if err := checkPath(t.place); err != nil {
			return "", "", err
		}
		found, err := t.place.parents(ctx, c)
		if err != nil {
			return "", "", fmt.Errorf("resolving %s: %w", t.place.text(), err)
		}
		segments = found.segments()
	}
	template = nested + t.suffix
	var list [backupDepth + 2]string // on the stack, which append need not leave
	args := list[:0]
	for i := segments.n - 1; i >= 0; i-- {
		args = append(args, segments.list[i])
	}
	args = append(args, t.args...)
	if strings.HasPrefix(template, "/accounts/") {
		account, err := c.named(AccountPath(args[0]))
		if err != nil {
			return "", "", err
		}
		args[0] = string(account)
	}
	path, err = route.Expand(template, args...)
	return template, path, err
}

// sameAccount reports whether two paths say the same account in the same way.
func (c *Client) sameAccount(a, b AccountPath) bool {
	a, _ = c.named(a)
	b, _ = c.named(b)
	return strings.EqualFold(string(a), string(b))
}

// named puts the client's default account in the place of DefaultAccount.
func (c *Client) named(account AccountPath) (AccountPath, error) {
	if account != DefaultAccount {
		return account, nil
	}
	if c.account == "" {
		return "", errors.New("no default account is set: use WithAccount or BIGV_ACCOUNT")
	}
	return c.account, nil
}

// exchange is one call under way: what is sent, and what errors say of it.
type exchange struct {
	request roundtrip.Request
	config  callConfig

	operation, route string
	// What it is about and where it goes is spelled out only for those who are
	// told of it: target and the request's URL, or where these would not do,
	// subject and url.
	target       target
	subject, url string

	login, anonymous bool // it is not what the caller asked for; it carries no token

	before  int      // attempts that were made in earlier sendings
	spent   int      // those of them that the retry policy counts
	secrets []string // to be removed from what is told of it
	body    any      // what was sent, whose secrets are gathered when they are needed
	token   Secret   // likewise
	looks   *looks   // of the secrets, made when they are needed
}

// looks are how secrets may look, made once for an answer that may hold many
// strings.
type looks struct {
	secrets int    // how many of them there were
	token   string // which it was
	forms   []string
}

func (x *exchange) what() string {
	if x.subject != "" {
		return x.subject
	}
	return x.target.subject()
}

func (x *exchange) where() string {
	if x.url != "" || x.request.URL == nil {
		return x.url
	}
	return x.request.URL.String()
}

// CallOption changes one call.
type CallOption func(*callConfig) error

type callConfig struct {
	header   http.Header
	query    url.Values
	response *Response
}

// Response is what WithResponse tells of the last exchange of a call.
type Response struct {
	StatusCode int         // 0 if no answer came
	Header     http.Header // of the answer; nil if none came
	Attempts   int         // how often the request was sent or tried, 1 if once
}

// WithResponse fills in response when the call has ended, well or not.
func WithResponse(response *Response) CallOption {
	return func(c *callConfig) error {
		if response == nil {
			return errors.New("the response to fill in is nil")
		}
		c.response = response
		return nil
	}
}

// WithQuery adds a query parameter.
func WithQuery(name, value string) CallOption {
	return func(c *callConfig) error {
		if c.query == nil {
			c.query = url.Values{}
		}
		c.query.Add(name, value)
		return nil
	}
}

// WithView asks for another view of what is read: Overview embeds the children.
func WithView(view View) CallOption { return WithQuery("view", string(view)) }

// WithDeleted finds deleted virtual machines too.
func WithDeleted() CallOption { return WithQuery("include_deleted", "true") }

// ownHeaders are the client's: another value would break or redirect the call.
var ownHeaders = []string{"Authorization", "Host", "Content-Length", "Content-Type", "Accept", "Accept-Encoding", "Transfer-Encoding", "Expect"}

// replayHeaders make net/http send a request again by itself whose connection was
// lost, whatever it is. The service does not know them, and would do it twice.
var replayHeaders = []string{"Idempotency-Key", "X-Idempotency-Key"}

// WithHeader sends a header along. The client's own headers cannot be changed.
func WithHeader(name, value string) CallOption {
	return func(c *callConfig) error {
		for _, own := range ownHeaders {
			if strings.EqualFold(name, own) {
				return fmt.Errorf("the header %s belongs to the client", own)
			}
		}
		for _, replay := range replayHeaders {
			if strings.EqualFold(name, replay) {
				return fmt.Errorf("the header %s means nothing to the service, and would have the request sent again after it may have been carried out", replay)
			}
		}
		if name == "" || strings.ContainsFunc(name, notOfToken) || strings.ContainsFunc(value, notOfHeader) {
			return fmt.Errorf("the header %q holds what a header cannot", name)
		}
		if c.header == nil {
			c.header = http.Header{}
		}
		c.header.Add(name, value)
		return nil
	}
}

// notOfToken reports whether the name of a header cannot hold r.
func notOfToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// notOfHeader reports whether the value of a header cannot hold r.
func notOfHeader(r rune) bool { return r != '\t' && unicode.IsControl(r) }

// View is what a read shows of a thing.
type View string

// Overview embeds the children: groups in accounts, virtual machines in groups,
// discs and network interfaces in virtual machines.
const Overview View = "overview"

func (c *Client) policy() roundtrip.Policy {
	return roundtrip.Policy{MaxAttempts: c.retry.MaxAttempts, MinWait: c.retry.MinWait, MaxWait: c.retry.MaxWait, MaxBody: c.maxAnswer}
}

// policy is the client's, with the attempts that are left.
func (x *exchange) policy(c *Client) roundtrip.Policy {
	policy := c.policy()
	policy.MaxAttempts -= x.spent
	return policy
}

// inheritKey is what the context of a read that follows a write has the write's
// secrets under: an answer to the one may echo the other.
type inheritKey struct{}

// withSecretsOf is ctx for all calls around one that sends body.
func withSecretsOf(ctx context.Context, body any) context.Context {
	var secrets []string
	if _, err := wire.Marshal(body, revealing(&secrets)); ctx == nil || err != nil || len(secrets) == 0 {
		return ctx
	}
	return context.WithValue(ctx, inheritKey{}, secrets)
}

// checkContext refuses what no call can begin with.
func checkContext(ctx context.Context) error {
	switch {
	case ctx == nil:
		return errNilContext
	case ctx.Err() != nil:
		return roundtrip.Interrupted(ctx, nil)
	}
	return nil
}

// prepare checks a call and makes its request, without the token. What it returns
// is never nil.
func (c *Client) prepare(ctx context.Context, op operation, t target, body any, opts []CallOption) (*exchange, error) {
	x := &exchange{operation: op.name, target: t, anonymous: t.suffix == definitionsRoute}
	req := &x.request
	req.Method, req.Class = op.method, op.class
	if err := checkContext(ctx); err != nil {
		return x, err
	}
	cfg := &x.config
	var err error
	for _, opt := range opts {
		if opt != nil {
			err = errors.Join(err, opt(cfg))
		}
	}
	if cfg.response != nil {
		*cfg.response = Response{}
	}
	if err != nil {
		return x, err
	}
	if checked, ok := body.(interface{ check() error }); ok {
		if err := checked.check(); err != nil {
			return x, err
		}
	}
	if inherited, ok := ctx.Value(inheritKey{}).([]string); ok {
		x.secrets = append(x.secrets, inherited...)
	}
	header := maps.Clone(c.header)
	if op.long || cfg.query != nil {
		delete(header, "Accept-Encoding") // the transport asks for what it can unpack
	}
	for name, values := range cfg.header {
		header[name] = values
	}
	req.Header = header
	if body != nil {
		x.body = body
		if req.Body, err = wire.Marshal(body, revealed); err != nil {
			return x, fmt.Errorf("encoding the request: %w", err)
		}
	}
	var path string
	if x.route, path, err = c.expand(ctx, op, t); err != nil {
		return x, err
	}
	values := cfg.query
	if t.query != nil {
		if values, err = query.Values(t.query); err != nil {
			return x, err
		}
		for name, more := range cfg.query {
			values[name] = append(values[name], more...)
		}
	}
	if req.URL, err = c.resolveURL(path, values.Encode()); err != nil {
		return x, err
	}
	return x, nil
}

// resolveURL is the base URL with an escaped path and a query behind it.
func (c *Client) resolveURL(path, rawQuery string) (*url.URL, error) {
	u := *c.baseURL
	u.RawQuery = rawQuery
	if !strings.Contains(path, "%") {
		u.Path += path
		return &u, nil
	}
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	u.RawPath = u.EscapedPath() + path
	u.Path += unescaped
	return &u, nil
}

// send carries one call out. Its response is never nil; its error is nil only
// if the answer is 2xx.
func (c *Client) send(ctx context.Context, x *exchange) (*roundtrip.Response, error) {
	x.request.Info = x
	x.request.OnAttempt = c.onAttempt(ctx, x)
	var resp *roundtrip.Response
	var err error
	if x.anonymous {
		resp, err = roundtrip.Send(ctx, c.http, x.policy(c), &x.request)
	} else {
		token, tokenErr := c.token(ctx, Secret{})
		if tokenErr != nil {
			tokenErr = fmt.Errorf("getting a token: %w", tokenErr)
			if _, ok := errors.AsType[*Error](tokenErr); ok { // a login was sent
				return &roundtrip.Response{}, fmt.Errorf("bigv: %s: %w: the call itself was not sent", describe(x.operation, x.what()), tokenErr)
			}
			return &roundtrip.Response{}, notSent(x.operation, x.what(), tokenErr)
		}
		resp, err = c.sendAs(ctx, token, x)
		if err == nil && resp.StatusCode == http.StatusUnauthorized {
			// The service did nothing, so this is safe for every class.
			resp, err = c.sendRenewed(ctx, token, resp, x)
		}
	}
	if told := x.config.response; told != nil {
		*told = Response{StatusCode: resp.StatusCode, Header: resp.Header, Attempts: x.before + resp.Attempts}
	}
	switch {
	case err == nil && resp.OK():
		return resp, nil
	case err == nil && resp.StatusCode == http.StatusNotFound && x.request.Method == http.MethodDelete && resp.Unanswered:
		return resp, nil // an earlier attempt deleted it, and its answer was lost
	}
	return resp, x.failure(resp, err)
}

func (c *Client) sendAs(ctx context.Context, token Secret, x *exchange) (*roundtrip.Response, error) {
	x.token = token
	x.request.Header["Authorization"] = c.authorization(token)
	return roundtrip.Send(ctx, c.http, x.policy(c), &x.request)
}

// bearer is the header of a token. It keeps the text where no dump shows it.
type bearer struct {
	token  Secret
	header func() []string
}

// authorization is the header of a token, which is the last one's most of the
// time, and is made again only when it is not.
func (c *Client) authorization(token Secret) []string {
	last := c.lastBearer.Load()
	if last == nil || last.token.Reveal() != token.Reveal() {
		header := []string{"Bearer " + token.Reveal()}
		last = &bearer{token, func() []string { return header }}
		c.lastBearer.Store(last)
	}
	return last.header()
}

// sendRenewed sends a request again whose token was rejected, if there is
// another token. What the first response tells of its attempts is carried over.
func (c *Client) sendRenewed(ctx context.Context, rejected Secret, first *roundtrip.Response, x *exchange) (*roundtrip.Response, error) {
	token, err := c.token(ctx, rejected)
	switch {
	case err != nil:
		return first, fmt.Errorf("getting another token: %w", err)
	case token.Equal(rejected):
		return first, nil
	}
	x.before += first.Attempts
	resp, err := c.sendAs(ctx, token, x)
	resp.Unanswered = resp.Unanswered || first.Unanswered
	return resp, err
}

// Call is what a transport is told of the call that a request belongs to.
type Call struct {
	Operation string // such as "update virtual machine"
	Method    string // such as "PUT"
	Route     string // its path with names in place of values: a metric label
}

// CallFromContext tells the transport of WithTransport or WithHTTPClient which
// call a request belongs to, by the request's context: for the names of spans
// and metrics. It reports false for requests of others.
func CallFromContext(ctx context.Context) (Call, bool) {
	x, ok := ctx.Value(roundtrip.InfoKey{}).(*exchange)
	if !ok {
		return Call{}, false
	}
	return Call{Operation: x.operation, Method: x.request.Method, Route: x.route}, true
}

func (c *Client) token(ctx context.Context, rejected Secret) (Secret, error) {
	if c.session != nil {
		return c.session.get(ctx, c, rejected)
	}
	switch source := c.tokens.(type) {
	case nil:
		return Secret{}, fmt.Errorf("%w: use WithAPIKey, WithToken or WithCredentials, or NewClientFromEnv with BIGV_API_KEY, BIGV_TOKEN, or BIGV_USERNAME and BIGV_PASSWORD", ErrNoCredential)
	case staticToken:
		return source.token, nil
	default:
		token, err := tokenOf(ctx, source, rejected, c.limits.Header)
		if err == nil {
			err = checkToken("the token source's token", token.Reveal())
		}
		return token, err
	}
}

// tokenOf asks a token source that may not listen to its context.
func tokenOf(ctx context.Context, source TokenSource, rejected Secret, limit time.Duration) (Secret, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	token, err := ask(limited, func() (Secret, error) { return source.Token(limited, rejected) })
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return Secret{}, fmt.Errorf("the token source did not answer: %w", roundtrip.Interrupted(ctx, err))
	case limited.Err() != nil:
		return Secret{}, &roundtrip.LimitError{What: "the token source gave no token", Limit: limit}
	}
	return Secret{}, fmt.Errorf("the token source: %w", err)
}

// ask calls a function of the caller's, and leaves it behind when ctx ends: it may
// not listen. If it panics, so does ask, where the caller can recover.
func ask(ctx context.Context, f func() (Secret, error)) (Secret, error) {
	type answer struct {
		secret   Secret
		err      error
		panicked any
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			a.panicked = recover()
			answers <- a
		}()
		a.secret, a.err = f()
	}()
	select {
	case a := <-answers:
		if a.panicked != nil {
			panic(a.panicked)
		}
		return a.secret, a.err
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
}

func (c *Client) onAttempt(ctx context.Context, x *exchange) func(roundtrip.Attempt) {
	if c.logger == nil && c.onAttemptHook == nil && c.capture == nil {
		return nil
	}
	return func(a roundtrip.Attempt) {
		if c.capture != nil {
			c.capture.attempt(x, a)
		}
		if c.onAttemptHook != nil {
			c.onAttemptHook(ctx, Attempt{
				Operation: x.operation, Method: x.request.Method, Route: x.route, Number: x.before + a.Number, StatusCode: a.StatusCode,
				Err: x.quiet(a.Err), Duration: a.Duration, Retry: a.Retry, Wait: a.Wait,
			})
		}
		if c.logger == nil {
			return
		}
		level, message := slog.LevelDebug, "bigv: request"
		attrs := []slog.Attr{
			slog.String("operation", x.operation), slog.String("method", x.request.Method), slog.String("url", x.where()),
			slog.Int("status", a.StatusCode), slog.Duration("duration", a.Duration), slog.Int("attempt", x.before+a.Number),
		}
		if a.Err != nil {
			attrs = append(attrs, slog.String("error", x.redact(a.Err.Error())))
		}
		if a.Retry {
			level, message = slog.LevelWarn, "bigv: request will be sent again"
			attrs = append(attrs, slog.Duration("wait", a.Wait))
		}
		c.logger.LogAttrs(ctx, level, message, attrs...)
	}
}

// failure makes the error of an exchange whose answer is not 2xx, or never came.
func (x *exchange) failure(resp *roundtrip.Response, err error) error {
	e := x.error(resp)
	e.Err = x.quiet(err)
	if err == nil {
		if resp.Cut == nil {
			e.Body = x.redactAnswer(string(resp.Body))
		} else {
			e.Body = x.redactCut(string(resp.Body))
		}
		if e.StatusCode == http.StatusBadRequest {
			e.fields = parseFields(e.Body)
		}
		e.Body = strings.ToValidUTF8(e.Body[:min(len(e.Body), maxErrorBody)], "")
	}
	e.RetryAfter, _ = roundtrip.RetryAfter(resp.Header)
	return e.typed()
}

func (x *exchange) error(resp *roundtrip.Response) *Error {
	return &Error{
		Operation: x.operation, Subject: x.what(), Method: x.request.Method, Route: x.route, URL: x.where(),
		StatusCode: resp.StatusCode, Attempts: x.before + resp.Attempts,
		unknown: resp.Unanswered && x.request.Method != http.MethodGet && !x.login, login: x.login,
	}
}

// unreadable makes the error of a 2xx answer that is not what was promised. Its
// body is kept only where it cannot be the thing itself, secrets and all.
func (x *exchange) unreadable(resp *roundtrip.Response, err error) error {
	e := x.error(resp)
	e.kind = ErrInvalidResponse
	if errors.Is(err, roundtrip.ErrTooLarge) || errors.Is(err, wire.ErrElementTooLong) {
		e.kind = ErrTooLarge
	}
	if errors.Is(err, ErrFilterIgnored) {
		e.kind = ErrFilterIgnored
	}
	if isPage(resp.Body) {
		start := bytes.TrimSpace(resp.Body)
		err = errors.New("the answer is a web page, perhaps of a proxy or a login page: is the base URL right?")
		e.Body = x.redactCut(string(start[:min(len(start), 2*maxErrorBody)]))
		e.Body = strings.ToValidUTF8(e.Body[:min(len(e.Body), maxErrorBody)], "")
	}
	e.unknown = x.request.Method != http.MethodGet && !x.login
	e.Err = &quietError{x.redact("reading the answer: " + err.Error()), err}
	return e
}

// quietError is err with secrets removed from its text.
type quietError struct {
	text string
	err  error
}

func (e *quietError) Error() string { return e.text }

// Is tells what it is, and no more: whoever prints a chain of errors would print
// the text as it was.
func (e *quietError) Is(target error) bool {
	return (target == ErrRedirect || target == io.ErrUnexpectedEOF || isContextDone(e.err)) && errors.Is(e.err, target)
}

// quiet is err, with secrets removed if it holds any: where a redirect led.
func (x *exchange) quiet(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if quiet := x.redact(text); quiet != text {
		return &quietError{quiet, err}
	}
	return err
}

// redactAnswer removes secrets from an answer. One that is JSON is read for them,
// since it may write them in many ways; it is left as it is if it holds none. Of
// what is something else, or was cut, the beginning is kept.
func (x *exchange) redactAnswer(body string) string {
	plain := x.redact(body)
	if !strings.ContainsAny(plain, `\&`) {
		return plain // nothing is escaped
	}
	if rewritten, ok := wire.MapStrings([]byte(plain), x.redact); ok {
		return string(rewritten)
	} else if wire.IsValid([]byte(plain)) {
		return plain
	}
	plain = plain[:min(len(plain), 2*maxErrorBody)]
	secrets := x.hidden()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if pattern, err := regexp.Compile(escapedPattern(secret)); err == nil {
			plain = pattern.ReplaceAllLiteralString(plain, redacted)
		}
	}
	return plain
}

// escapedPattern matches a text however JSON or a web page escapes it. Of a long
// one its beginning is enough to look for.
func escapedPattern(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > maxErrorBody/8 {
			break
		}
		fmt.Fprintf(&b, "(?:%s|%s", regexp.QuoteMeta(string(r)), regexp.QuoteMeta(html.EscapeString(string(r))))
		b.WriteString("|")
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\\u(?i:%04x)`, unit)
		}
		if short, ok := map[rune]string{'\n': "n", '\t': "t", '\r': "r", '"': `"`, '\\': `\\`, '/': "/"}[r]; ok {
			b.WriteString(`|\\` + short)
		}
		b.WriteString(")")
	}
	return b.String()
}

// hidden are the texts that errors must not show.
func (x *exchange) hidden() (secrets []string) {
	if x.body != nil {
		_, _ = wire.Marshal(x.body, revealing(&x.secrets)) // it was encoded before
		x.body = nil
	}
	for _, secret := range append(x.secrets, strings.TrimPrefix(x.token.Reveal(), apiKeyPrefix)) {
		if len(secret) >= minSecret {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// forms are the hidden texts as they may look in an error: as they are, in JSON,
// in a URL, and as the transport quotes what it cannot read. The longest come
// first, since one may hold another.
func (x *exchange) forms() []string {
	secrets, token := x.hidden(), x.token.Reveal()
	if x.looks != nil && x.looks.secrets == len(secrets) && x.looks.token == token {
		return x.looks.forms
	}
	var forms []string
	for _, secret := range secrets {
		quoted := strconv.Quote(secret)
		forms = append(forms, secret, quoted[1:len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret))
		if escaped, err := wire.Marshal(secret, nil); err == nil && len(escaped) > 2 {
			forms = append(forms, string(escaped[1:len(escaped)-1]))
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	x.looks = &looks{len(secrets), token, slices.Compact(forms)}
	return x.looks.forms
}

// redact removes what the service echoed of the request's secrets.
func (x *exchange) redact(s string) string {
	for _, form := range x.forms() {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}

// redactCut is redactAnswer for a text that was cut: its end may be the beginning
// of a secret.
func (x *exchange) redactCut(s string) string {
	s = x.redactAnswer(s)
	for _, form := range x.forms() {
		for n := min(len(form)-1, len(s)); n >= minSecret; n-- {
			if strings.HasSuffix(s, form[:n]) {
				return s[:len(s)-n] + redacted
			}
		}
	}
	return s
}

// minSecret is how long a text must be to be hidden. A shorter one is everywhere.
const minSecret = 4

// read sends a GET and decodes its answer.
func read[T any](ctx context.Context, c *Client, name string, t target, opts []CallOption) (T, error) {
	var value T
	if _, _, err := c.obtain(ctx, reading(name), t, nil, &value, false, opts); err != nil {
		var zero T
		return zero, err
	}
	return value, nil
}

// call carries out an operation whose answer is a T. If a write succeeds and its
// answer holds nothing, or is no T, the T is what again reads; without again it
// is zero.
func call[T any](ctx context.Context, c *Client, op operation, t target, body any, again func(context.Context) (T, error), opts []CallOption) (T, error) {
	var value, zero T
	x, told, err := c.obtain(ctx, op, t, body, &value, again != nil, opts)
	switch {
	case err != nil:
		return zero, err
	case told:
		return value, nil
	case again == nil:
		return zero, nil
	}
	if value, err = again(context.WithValue(ctx, inheritKey{}, x.hidden())); err != nil {
		return zero, &readBackError{describe(op.name, x.what()), err}
	}
	return value, nil
}

// obtain carries out an operation and decodes its answer into value, a pointer. It
// reports false if the operation was done and its answer told nothing, or nothing
// that could be read and there is another way to read it.
func (c *Client) obtain(ctx context.Context, op operation, t target, body, value any, again bool, opts []CallOption) (x *exchange, told bool, err error) {
	x, resp, err := c.carryOut(ctx, op, t, body, opts)
	if err != nil {
		return x, false, err
	}
	err = resp.Cut
	nothing := err == nil && wire.IsNothing(resp.Body)
	if err == nil && !nothing {
		err = wire.Unmarshal(resp.Body, value)
	}
	switch {
	case err == nil && !nothing:
		if err := t.identify(value); err != nil && op.class == roundtrip.Safe {
			return x, false, x.unreadable(resp, err)
		}
		if a, ok := value.(interface{ answered(status int) }); ok {
			a.answered(resp.StatusCode)
		}
		return x, true, nil
	case op.class == roundtrip.Safe && nothing:
		return x, false, x.unreadable(resp, wire.ErrNothing)
	case op.class == roundtrip.Safe, op.class == roundtrip.Once && !nothing, isPage(resp.Body):
		return x, false, x.unreadable(resp, err) // a page is of whoever answered in the service's place
	case !again && !nothing && op.method != http.MethodDelete:
		return x, false, x.unreadable(resp, err)
	}
	return x, false, nil
}

// carryOut prepares a call and sends it. It has no error only if the answer is
// 2xx.
func (c *Client) carryOut(ctx context.Context, op operation, t target, body any, opts []CallOption) (*exchange, *roundtrip.Response, error) {
	x, err := c.prepare(ctx, op, t, body, opts)
	if err != nil {
		return x, nil, notSent(op.name, x.what(), err)
	}
	resp, err := c.send(ctx, x)
	return x, resp, err
}

// readBackError is the end of a write that was done and told nothing, when reading
// what it made of its object failed. It is not that read's ErrNotFound: that is
// said of writes to what is not there.
type readBackError struct {
	what string
	err  error
}

func (e *readBackError) Error() string {
	return fmt.Sprintf("bigv: %s: it was done, but reading it back failed: %v", e.what, e.err)
}

func (e *readBackError) Unwrap() error {
	if errors.Is(e.err, ErrNotFound) {
		return nil
	}
	return e.err
}

// do carries out an operation whose answer does not matter.
func do(ctx context.Context, c *Client, op operation, t target, body any, opts []CallOption) error {
	x, resp, err := c.carryOut(ctx, op, t, body, opts)
	if err != nil {
		return err
	}
	return x.settled(op, resp)
}

// settled is the error of a 2xx answer of which nothing is wanted.
func (x *exchange) settled(op operation, resp *roundtrip.Response) error {
	switch {
	case resp.Cut != nil && op.class == roundtrip.Once:
		return x.unreadable(resp, resp.Cut)
	case isPage(resp.Body):
		return x.unreadable(resp, nil) // of whoever answered in the service's place
	}
	return nil
}

// isPage reports whether an answer is a web page, and so not the service's.
func isPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body[:min(len(body), maxErrorBody)]), []byte("<"))
}

// list reads a list whole. Each element must pass believe, unless that is nil.
func list[T any](ctx context.Context, c *Client, name string, t target, believe func(T) error, opts []CallOption) ([]T, error) {
	x, resp, err := c.carryOut(ctx, listing(name), t, nil, opts)
	if err != nil {
		return nil, err
	}
	var elements []T
	switch err = resp.Cut; {
	case err != nil:
	case wire.IsNothing(resp.Body):
		err = wire.ErrNothing
	default:
		err = wire.Unmarshal(resp.Body, &elements)
	}
	for i := range elements {
		if err == nil && believe != nil {
			err = believe(elements[i])
		}
	}
	if err != nil {
		return nil, x.unreadable(resp, err)
	}
	return elements, nil
}

// all hands a list out element by element as it arrives.
func all[T any](ctx context.Context, c *Client, name string, t target, believe func(T) error, opts []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		x, err := c.prepare(ctx, listing(name), t, nil, opts)
		if err != nil {
			yield(zero, notSent(name, x.what(), err))
			return
		}
		x.request.Stream = true
		for {
			resp, err := c.send(ctx, x)
			if err != nil {
				yield(zero, err)
				return
			}
			count, err := hand(ctx, resp, believe, yield)
			wait, retry := time.Duration(0), false
			if count == 0 && errors.Is(err, wire.ErrCut) { // nobody has seen anything of it yet
				wait, retry = c.policy().Next(ctx, x.before+resp.Attempts, nil)
			}
			if resp.End != nil {
				resp.End(err, retry, wait)
			}
			if retry && roundtrip.Sleep(ctx, wait) {
				x.before += resp.Attempts
				x.spent = x.before
				continue
			}
			if err != nil && ctx.Err() != nil {
				err = roundtrip.Interrupted(ctx, err)
			}
			if err != nil {
				yield(zero, x.unreadable(resp, fmt.Errorf("%w (after %d elements)", err, count)))
			}
			return
		}
	}
}

// hand gives the elements of a streamed list to yield, and counts them. It has
// no error if yield wanted no more.
func hand[T any](ctx context.Context, resp *roundtrip.Response, believe func(T) error, yield func(T, error) bool) (count int, err error) {
	defer resp.Stream.Close()
	head := &headReader{r: resp.Stream}
	var stopped error
	err = wire.Elements(head, maxElement, func(element T) bool {
		// Elements that have arrived already are not handed out after the end.
		if stopped = ctx.Err(); stopped == nil && believe != nil {
			stopped = believe(element)
		}
		if stopped != nil {
			return false
		}
		count++
		return yield(element, nil)
	})
	resp.Body = head.head // for the error, should it be a web page
	return count, cmp.Or(stopped, err)
}

// headReader remembers how a stream began.
type headReader struct {
	r    io.Reader
	head []byte
}

func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if h.head == nil && n > 0 {
		h.head = append([]byte{}, p[:min(n, 512)]...)
	}
	return n, err
}

// maxElement is the size of one element of a list that All accepts.
const maxElement = 4 << 20

// Do reaches any endpoint with the client's authentication, limits, retries and
// errors. The path is escaped and may carry a query; body is encoded as JSON
// unless it is nil; the answer is decoded into answer unless that is nil, or the
// service answers a write with nothing. Only GET and DELETE are ever sent again
// after they may have been carried out.
func (c *Client) Do(ctx context.Context, method, path string, body, answer any, opts ...CallOption) error {
	op := operation{name: "do", method: method, class: roundtrip.Once, long: true}
	switch method {
	case http.MethodGet:
		op.class = roundtrip.Safe
	case http.MethodDelete:
		op.class = roundtrip.Repeatable
	case http.MethodPost, http.MethodPut:
	default:
		return notSent("do", path, fmt.Errorf("the method %q is none of GET, POST, PUT and DELETE", method))
	}
	if kind := reflect.ValueOf(answer); answer != nil && (kind.Kind() != reflect.Pointer || kind.IsNil()) {
		return notSent("do", path, fmt.Errorf("the answer cannot be decoded into a %T: give a pointer", answer))
	}
	escaped, rawQuery, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(rawQuery)
	if err == nil {
		escaped, err = escapeAgain(escaped)
	}
	if err != nil {
		return notSent("do", path, err)
	}
	for name, all := range values {
		for _, value := range all {
			opts = append(opts[:len(opts):len(opts)], WithQuery(name, value))
		}
	}
	x, err := c.prepare(ctx, op, under(escaped), body, opts)
	if err != nil {
		return notSent("do", path, err)
	}
	resp, err := c.send(ctx, x)
	if err != nil {
		return err
	}
	if answer == nil {
		return x.settled(op, resp)
	}
	switch err = resp.Cut; {
	case err != nil:
	case method != http.MethodGet && wire.IsNothing(resp.Body):
		return nil
	default:
		err = wire.Unmarshal(resp.Body, answer)
	}
	if err != nil {
		return x.unreadable(resp, err)
	}
	return nil
}

// escapeAgain escapes an escaped path as this package does it, since one that is
// escaped in part could be read in two ways. It refuses what could reach another
// host or climb.
func escapeAgain(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("the path must begin with /")
	}
	var out strings.Builder
	for segment := range strings.SplitSeq(path[1:], "/") {
		text, err := url.PathUnescape(segment)
		if err == nil {
			err = route.Check(text)
		}
		if err != nil {
			return "", fmt.Errorf("a segment of the path: %w", err)
		}
		out.WriteString("/" + url.PathEscape(text))
	}
	return out.String(), nil
}
