package bigvtest

import (
	"net/url"
	"strings"
)

type handler func(*request) (response, error)

// node is a node of the routing tree: one segment of a path.
type node struct {
	literals map[string]*node
	wildcard *node // matches any segment that is not in literals
	methods  map[string]handler
}

func (n *node) add(method, route string, h handler) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(route, "/"), "/") {
		switch {
		case strings.HasPrefix(segment, "{"):
			if n.wildcard == nil {
				n.wildcard = &node{}
			}
			n = n.wildcard
		default:
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			if n.literals[segment] == nil {
				n.literals[segment] = &node{}
			}
			n = n.literals[segment]
		}
	}
	if n.methods == nil {
		n.methods = map[string]handler{}
	}
	n.methods[method] = h
}

// find returns the node of an escaped path and the values of its placeholders.
func (n *node) find(escaped string) (*node, []string) {
	var args []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		text, err := url.PathUnescape(segment)
		if err != nil || text == "" {
			return nil, nil
		}
		next := n.literals[text]
		if next == nil {
			next = n.wildcard
			args = append(args, text)
		}
		if next == nil {
			return nil, nil
		}
		n = next
	}
	return n, args
}

// publicRoutes lists the routes that require no authentication.
var publicRoutes = map[string]bool{"GET /definitions": true, "POST /users": true}

func newRouteTree() *node {
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
