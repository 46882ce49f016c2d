package bigvtest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
)

var (
	exhaustive = flag.Bool("exhaustive", false, "20,000 random operations instead of 2,000; the seed is the time, unless -modelseed is set")
	modelSeed  = flag.Uint64("modelseed", 0, "random seed of TestModel; 0 is 1, or the time with -exhaustive")
)

// TestModel sends random requests to a server, and compares each response with that of a model.
func TestModel(t *testing.T) {
	seed, operations := uint64(1), 2_000
	if *exhaustive {
		seed, operations = uint64(time.Now().UnixNano()), 20_000
	}
	if *modelSeed != 0 {
		seed = *modelSeed
	}
	t.Logf("repeat with: go test ./bigvtest -run TestModel -modelseed %d -exhaustive=%t", seed, *exhaustive)
	rng := rand.New(rand.NewPCG(seed, 0))
	m := newModel(t, rng.IntN)
	for range operations {
		m.step()
	}
	t.Logf("requests: %v", m.counts)
	if !testing.Short() {
		for _, status := range []int{200, 201, 202, 204, 400, 401, 403, 404, 500} {
			if m.counts[status] == 0 {
				t.Errorf("no response had status %d", status)
			}
		}
	}
}

// FuzzModel does the same with the choices of a fuzzer.
func FuzzModel(f *testing.F) {
	for seed := range uint64(3) {
		choices := make([]byte, 100)
		rng := rand.NewChaCha8([32]byte{byte(seed)})
		_, _ = rng.Read(choices)
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		choices = choices[:min(len(choices), 400)]
		m := newModel(t, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			choice := int(choices[0])
			choices = choices[1:]
			return choice % n
		})
		for len(choices) > 0 {
			m.step()
		}
	})
}

// object is a JSON object.
type object = map[string]any

// expected is what the model expects of a response. Values of the body can be matchers.
type expected struct {
	status int
	body   any // nil: no body
}

// matcher accepts some values. It returns what is wrong with the others.
type matcher func(got any) string

// refusalText matches a text that says why an action is refused. anything matches any body.
var (
	refusalText matcher = func(got any) string {
		if text, ok := got.(string); !ok || text == "" {
			return "is not a text"
		}
		return ""
	}
	anything matcher = func(any) string { return "" }
)

// like returns a matcher for texts.
func like(pattern string) matcher {
	compiled := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(got any) string {
		if text, ok := got.(string); !ok || !compiled.MatchString(text) {
			return "does not match " + pattern
		}
		return ""
	}
}

// learned is a value that the service chooses, such as an ID: the model takes the first that it sees.
type learned struct {
	value any
	check matcher // of the first value; or nil
}

// accept returns what is wrong with a value, or "". The first value is learned.
func (l *learned) accept(got any) string {
	if l.value != nil {
		return mismatch(l.value, got)
	}
	l.value = got
	if got == nil {
		return "is missing"
	}
	if l.check != nil {
		return l.check(got)
	}
	return ""
}

// id returns a learned ID as a path segment.
func (l *learned) id() string { return fmt.Sprint(l.value) }

// mismatch returns where a decoded JSON value differs from what is wanted, or "".
func mismatch(want, got any) string {
	switch want := want.(type) {
	case matcher:
		return want(got)
	case *learned:
		return want.accept(got)
	case int:
		return mismatch(float64(want), got)
	case object:
		members, ok := got.(object)
		if !ok {
			return fmt.Sprintf("got %v, want an object", got)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if value, present := members[key]; !present {
				return "." + key + " is missing"
			} else if wrong := mismatch(want[key], value); wrong != "" {
				return "." + key + " " + wrong
			}
		}
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if _, present := want[key]; !present {
				return "." + key + " is not expected"
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Sprintf("got %v, want a list of length %d", got, len(want))
		}
		for i := range want {
			if wrong := mismatch(want[i], list[i]); wrong != "" {
				return fmt.Sprintf("[%d]%s", i, wrong)
			}
		}
	default:
		if got != want {
			return fmt.Sprintf("is %v, want %v", got, want)
		}
	}
	return ""
}

// model is the state of the service as the documentation of its API describes it. It shares no code with the server.
type model struct {
	t      testing.TB
	srv    *bigvtest.Server
	choose func(n int) int // returns a number from 0 to n-1
	now    time.Duration
	actor  *actor
	names  int
	counts map[int]int // of responses by status
	latest []string    // requests, for the report of a failure
	lastID map[string]float64
	usedID map[string]bool
	rdns   map[string]any // by address

	accountID  *learned
	actors     []*actor
	groups     []*modelGroup
	machines   []*modelMachine
	privileges []*modelPrivilege
}

// actor is a user who makes requests.
type actor struct {
	name, token string
	id          *learned
	email, keys any
	staff       bool
}

// newModel returns a model of a new server. root is staff, and alice is an administrator of the account acme.
func newModel(t testing.TB, choose func(int) int) *model {
	srv := bigvtest.NewServer(t, bigvtest.WithJournalLimit(0))
	m := &model{
		t: t, srv: srv, choose: choose, counts: map[int]int{}, lastID: map[string]float64{}, usedID: map[string]bool{},
		rdns: map[string]any{},
	}
	m.accountID = m.newID("account", false)
	srv.Account("hidden").Group("web").VirtualMachine("www1")
	srv.User("root").Grant(bigv.ClusterSU, nil)
	for _, name := range []string{"root", "alice", "bob", "carol"} {
		a := &actor{name: name, token: srv.User(name).Token(), id: m.newID("user", false), staff: name == "root"}
		if name == "alice" || name == "bob" {
			a.email = name + "@example.org"
		}
		m.actors = append(m.actors, a)
	}
	for _, name := range []string{"default", "web"} {
		m.groups = append(m.groups, &modelGroup{id: m.newID("group", false), name: name})
	}
	m.actor = m.actors[0]
	m.get("/users", "", m.listUsers())
	m.get("/accounts/acme/groups", "/groups?account_name=acme", expected{200, []any{m.groups[0].view(m), m.groups[1].view(m)}})
	list := []any{}
	for _, apiKey := range []any{nil, &learned{}} { // of her sessions and of her API key
		p := &modelPrivilege{
			id: m.newID("privilege", true), user: m.actors[1], level: bigv.AccountAdmin, apiKey: apiKey, passwordRequired: apiKey == nil,
		}
		m.privileges, list = append(m.privileges, p), append(list, p.view(m))
	}
	m.get("/users/alice/privileges", "/privileges?user_id="+m.actors[1].id.id(), expected{200, list})
	return m
}

// newID returns an ID to be learned. An ID of a new object is greater than all before it.
func (m *model) newID(kind string, increasing bool) *learned {
	return &learned{check: func(got any) string {
		id, ok := got.(float64)
		used := fmt.Sprint(kind, id)
		switch {
		case !ok || id < 1 || m.usedID[used]:
			return "is not a new ID"
		case increasing && id <= m.lastID[kind]:
			return fmt.Sprintf("is not greater than %v", m.lastID[kind])
		}
		m.usedID[used] = true
		m.lastID[kind] = max(m.lastID[kind], id)
		return ""
	}}
}

// one returns one of the values.
func one[T any](m *model, values ...T) T { return values[m.choose(len(values))] }

// request sends a request and compares the response.
func (m *model) request(method, path string, body object, want expected) {
	m.t.Helper()
	var encoded []byte
	if body != nil {
		encoded, _ = json.Marshal(body)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(encoded))
	r.Header.Set("Authorization", "Bearer "+m.actor.token)
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	m.srv.ServeHTTP(recorder, r)
	m.counts[recorder.Code]++
	m.latest = append(m.latest, fmt.Sprintf("%v %s: %s %s %s -> %d %s", m.now, m.actor.name, method, path, encoded, recorder.Code,
		recorder.Body))
	if len(m.latest) > 8 {
		m.latest = m.latest[1:]
	}
	if wrong := compare(recorder, want); wrong != "" {
		m.t.Fatalf("%s\nlatest requests:\n%s", wrong, strings.Join(m.latest, "\n"))
	}
}

// compare returns how a response differs from what is expected, or "".
func compare(recorder *httptest.ResponseRecorder, want expected) string {
	if recorder.Code != want.status {
		return fmt.Sprintf("status %d, want %d with body %v", recorder.Code, want.status, want.body)
	}
	var got any
	switch contentType := recorder.Header().Get("Content-Type"); {
	case recorder.Body.Len() == 0:
	case strings.HasPrefix(contentType, "text/plain"):
		got = recorder.Body.String()
	case contentType != "application/json":
		return "content type " + contentType
	default:
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
			return err.Error()
		}
	}
	if wrong := mismatch(want.body, got); wrong != "" {
		return "body" + wrong
	}
	return ""
}

// get reads the same in both URL styles. A style whose path is "" does not have it.
func (m *model) get(nested, flat string, want expected) {
	m.t.Helper()
	for _, path := range []string{nested, flat} {
		if path != "" {
			m.request(http.MethodGet, path, nil, want)
		}
	}
}

// step makes one operation, and then reads something.
func (m *model) step() {
	m.actor = one(m, m.actors...)
	one(m, m.writes()...)()
	m.actor = one(m, m.actors...)
	one(m, m.reads()...)()
}

// advance moves the clocks of the model and the server.
func (m *model) advance() {
	d := one(m, 0, time.Second, 5*time.Second, 10*time.Second, 30*time.Second, 90*time.Second, 10*time.Minute)
	m.now += d
	m.srv.Advance(d)
	for _, vm := range m.machines {
		vm.runUntil(m.now)
	}
}
