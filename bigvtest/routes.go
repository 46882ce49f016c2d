package bigvtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// request is one request under way.
type request struct {
	*state
	server *Server
	method string
	args   []string // what stands in the path where a route has a placeholder
	query  url.Values
	header http.Header
	body   []byte
	in     attributes // of a POST or PUT
	who    *sight     // who asks, and what they may
}

// answer is what a request is answered with. A nil body is none, a string is
// text, and all else is JSON.
type answer struct {
	status int
	body   any
	header http.Header
}

// refusal is the answer to a request that is not carried out.
type refusal struct {
	status int
	body   any
}

func (r *refusal) Error() string { return http.StatusText(r.status) }

func refuse(status int, text string) error { return &refusal{status, text} }

var (
	errUnauthorized = refuse(http.StatusUnauthorized, "Unauthorized")
	errForbidden    = refuse(http.StatusForbidden, "Forbidden")
	errNotFound     = refuse(http.StatusNotFound, "Not found")
)

// invalid is the refusal of one attribute.
func invalid(attribute, message string) error {
	return &refusal{http.StatusBadRequest, problems{attribute: []string{message}}}
}

type handler func(*request) (answer, error)

// node is one segment of the routes.
type node struct {
	literal map[string]*node
	other   *node // any segment that is no literal
	methods map[string]handler
}

func (n *node) add(method, route string, h handler) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(route, "/"), "/") {
		switch {
		case strings.HasPrefix(segment, "{"):
			if n.other == nil {
				n.other = &node{}
			}
			n = n.other
		default:
			if n.literal == nil {
				n.literal = map[string]*node{}
			}
			if n.literal[segment] == nil {
				n.literal[segment] = &node{}
			}
			n = n.literal[segment]
		}
	}
	if n.methods == nil {
		n.methods = map[string]handler{}
	}
	n.methods[method] = h
}

// find is the node of an escaped path, and what stands in its placeholders.
func (n *node) find(escaped string) (*node, []string) {
	var args []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		text, err := url.PathUnescape(segment)
		if err != nil || text == "" {
			return nil, nil
		}
		next := n.literal[text]
		if next == nil {
			next = n.other
			args = append(args, text)
		}
		if next == nil {
			return nil, nil
		}
		n = next
	}
	return n, args
}

// public are the routes that need no token.
var public = map[string]bool{"GET /definitions": true, "POST /users": true}

func routeTree() *node {
	root := &node{}
	const (
		group   = "/accounts/{a}/groups/{g}"
		machine = group + "/virtual_machines/{v}"
		disc    = machine + "/discs/{d}"
		backup  = disc + "/backups/{b}"
	)
	for route, h := range map[string]handler{
		"POST /session":      postSession,
		"GET /session/{id}":  getSession,
		"POST /session/{id}": impersonate,

		"GET /definitions": getDefinitions,

		"GET /accounts":        listAccounts,
		"POST /accounts":       createAccount,
		"GET /accounts/{a}":    getAccount,
		"PUT /accounts/{a}":    updateAccount,
		"DELETE /accounts/{a}": deleteAccount,

		"GET /accounts/{a}/groups":  listGroups,
		"POST /accounts/{a}/groups": createGroup,
		"GET /groups":               listAllGroups,
		"GET /groups/{g}":           getFlatGroup,
		"GET " + group:              getGroup,
		"PUT " + group:              updateGroup,
		"DELETE " + group:           deleteGroup,

		"GET " + group + "/virtual_machines":  listMachines,
		"POST " + group + "/virtual_machines": createBareMachine,
		"POST " + group + "/vm_create":        createMachine,
		"GET /virtual_machines":               listAllMachines,
		"GET /virtual_machines/{v}":           getFlatMachine,
		"GET " + machine:                      getMachine,
		"PUT " + machine:                      updateMachine,
		"DELETE " + machine:                   deleteMachine,
		"POST " + machine + "/signal":         signalMachine,
		"POST " + machine + "/reimage":        reimageMachine,

		"GET " + machine + "/discs":  listDiscs,
		"POST " + machine + "/discs": createDisc,
		"GET /discs":                 listAllDiscs,
		"GET /discs/{d}":             getFlatDisc,
		"DELETE /discs/{d}":          deleteFlatDisc,
		"GET " + disc:                getDisc,
		"PUT " + disc:                updateDisc,
		"DELETE " + disc:             deleteDisc,

		"GET " + disc + "/backups":                  listBackups,
		"POST " + disc + "/backups":                 createBackup,
		"GET " + backup:                             getBackup,
		"PUT " + backup:                             updateBackup,
		"DELETE " + backup:                          deleteBackup,
		"POST " + disc + "/backup_schedules":        createSchedule,
		"DELETE " + disc + "/backup_schedules/{id}": deleteSchedule,

		"GET " + machine + "/nics":                listNICs,
		"GET " + machine + "/nics/{n}":            getNIC,
		"POST " + machine + "/nics/{n}/ip_create": createIPs,
		"GET /nics":                          listAllNICs,
		"GET /nics/{n}":                      getFlatNIC,
		"GET /ips/{address}":                 getIP,
		"PUT /ips/{address}":                 updateIP,
		"DELETE /ips/{address}":              deleteIP,
		"POST /ips/swap_virtual_machine_ips": swapIPs,
		"GET /users":                         listUsers,
		"POST /users":                        createUser,
		"GET /users/{u}":                     getUser,
		"PUT /users/{u}":                     updateUser,
		"DELETE /users/{u}":                  deleteUser,
		"GET /privileges":                    listPrivileges,
		"GET /privileges/{p}":                getPrivilege,
		"PUT /privileges/{p}":                updatePrivilege,
		"DELETE /privileges/{p}":             deletePrivilege,
		"GET /users/{u}/privileges":          listUserPrivileges,
		"POST /users/{u}/privileges":         createPrivilege,
		"GET /accounts/{a}/privileges":       listAccountPrivileges,
		"GET " + group + "/privileges":       listGroupPrivileges,
		"GET " + machine + "/privileges":     listMachinePrivileges,
		"GET /api_keys":                      listAPIKeys,
		"POST /api_keys":                     createAPIKey,
		"GET /api_keys/{id}":                 getAPIKey,
		"DELETE /api_keys/{id}":              deleteAPIKey,
		"POST /vm_defaults":                  createVMDefault,
	} {
		method, path, _ := strings.Cut(route, " ")
		root.add(method, path, h)
	}
	return root
}

// maxBody is how much of a request's body is read.
const maxBody = 4 << 20

// ServeHTTP is one request: what goes wrong with it first, then the work.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "Service temporarily unavailable", http.StatusServiceUnavailable)
		return
	}
	defer s.handling.Done()
	began := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		// Whoever is still there is told; a client that is gone does not mind.
		http.Error(w, "the body of the request cannot be read", http.StatusBadRequest)
		return
	}
	fault := s.faults.pick(r, body)
	e := &entry{method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery, header: r.Header.Clone(), request: body, fault: fault.String()}
	s.locked(func() {
		e.time = s.state.clock.instant
		s.journal.begin(e)
	})
	var got reply
	if s.delay(r, fault) {
		got = s.serve(r, body, fault, e)
	}
	if fault != nil && fault.Hang {
		s.hang(r)
	}
	if s.settings.logger != nil {
		s.settings.logger.LogAttrs(r.Context(), slog.LevelInfo, e.method+" "+e.redactedPath(), slog.String("query", e.query),
			slog.Int("status", got.status), slog.Duration("duration", time.Since(began)), slog.String("fault", e.fault))
	}
	if got.status == 0 {
		panic(http.ErrAbortHandler) // closes the connection, or resets the stream
	}
	got.write(w)
}

// serve does the work, unless the fault keeps it from being done, and is what
// the client gets to see of it.
func (s *Server) serve(r *http.Request, body []byte, fault *Fault, e *entry) (got reply) {
	s.locked(func() {
		once := ""
		if fault.works() {
			got = s.handle(r, body)
			e.done = got.status < 300
			once = onceKey(r, body)
		}
		if fault != nil {
			got = fault.change(got)
		}
		s.journal.end(e, got, once, got.status == 0 || got.cut || fault != nil && fault.answers())
	})
	return got
}

// reply is an answer as it travels. Status 0 is none at all.
type reply struct {
	status int
	header http.Header
	body   []byte
	length int  // of the whole body
	cut    bool // the body ends before its length
}

func (g reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), g.header)
	bodiless := g.status == http.StatusNoContent || g.status == http.StatusNotModified || g.status < 200
	if !bodiless {
		w.Header().Set("Content-Length", itoa(g.length))
	}
	w.WriteHeader(g.status)
	if bodiless {
		return
	}
	_, _ = w.Write(g.body)
	if g.cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// change is what a fault makes of an answer.
func (f *Fault) change(g reply) reply {
	if f.Hang || f.DropBefore || f.DropAfter {
		return reply{}
	}
	if f.answers() {
		header := f.Header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("Content-Type", cmp.Or(f.ContentType, "text/plain; charset=utf-8"))
		g = reply{status: cmp.Or(f.Status, http.StatusOK), header: header, body: []byte(f.Body), length: len(f.Body)}
	}
	if at := max(f.CutBodyAt, 0); f.CutBodyAt != 0 && at < len(g.body) {
		g.body, g.cut = g.body[:at], true
	}
	return g
}

// handle carries a request out.
func (s *Server) handle(r *http.Request, body []byte) reply {
	a, err := s.work(r, body)
	var no *refusal
	if errors.As(err, &no) {
		a = answer{status: no.status, body: no.body}
	} else if err != nil {
		a = answer{status: http.StatusInternalServerError, body: err.Error()}
	}
	g := reply{status: a.status, header: http.Header{}}
	maps.Copy(g.header, a.header)
	switch value := a.body.(type) {
	case nil:
	case string:
		g.body = []byte(value)
		g.header.Set("Content-Type", "text/plain; charset=utf-8")
	default:
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			g.status = http.StatusInternalServerError
		}
		g.body = bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
		g.header.Set("Content-Type", "application/json")
	}
	g.length = len(g.body)
	return g
}

func (s *Server) work(r *http.Request, body []byte) (answer, error) {
	found, args := s.routes.find(r.URL.EscapedPath())
	if found == nil || found.methods == nil {
		return answer{}, errNotFound
	}
	q := &request{
		state: s.state, server: s, method: r.Method, args: args,
		query: r.URL.Query(), header: r.Header, body: body,
	}
	auth := args0(r.URL.Path) == "session"
	if !auth {
		var err error
		if q.who, err = s.state.identify(r); err != nil && !public[r.Method+" "+r.URL.Path] {
			return answer{}, err
		}
	}
	work := found.methods[r.Method]
	switch {
	case work == nil:
		allowed := strings.Join(slices.Sorted(maps.Keys(found.methods)), ", ")
		return answer{
			status: http.StatusMethodNotAllowed, body: "Method not allowed: use " + allowed,
			header: http.Header{"Allow": {allowed}},
		}, nil
	case len(body) > maxBody:
		return answer{}, refuse(http.StatusRequestEntityTooLarge, "Request too large")
	case auth || r.Method == http.MethodGet || r.Method == http.MethodDelete:
	default:
		if err := q.parse(); err != nil {
			return answer{}, err
		}
	}
	return work(q)
}

func args0(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// parse reads the attributes of a POST or PUT.
func (q *request) parse() (err error) {
	kind, _, err := mime.ParseMediaType(q.header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	if q.in, err = parseAttributes(q.body); err != nil {
		return refuse(http.StatusBadRequest, "Badly-formed JSON")
	}
	return nil
}

// flag reports whether a query parameter is true, written exactly so.
func (q *request) flag(name string) bool { return q.query.Get(name) == "true" }

func (q *request) overview() bool { return q.query.Get("view") == "overview" }

// created is the answer to a POST whose status the service does not settle.
func (q *request) created(body any) answer {
	return answer{status: q.server.settings.postStatus, body: body}
}

func ok(body any) (answer, error) { return answer{status: http.StatusOK, body: body}, nil }

func accepted(body any) (answer, error) { return answer{status: http.StatusAccepted, body: body}, nil }

var gone = answer{status: http.StatusNoContent}
