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

// Prefixes of routes.
const (
	groupTemplate   = "/accounts/{a}/groups/{g}"
	machineTemplate = groupTemplate + "/virtual_machines/{v}"
	discTemplate    = machineTemplate + "/discs/{d}"
	backupTemplate  = discTemplate + "/backups/{b}"
)

// newRouteTree returns the tree of all routes. Each resource lists its routes in its own file.
func newRouteTree() *node {
	root := &node{}
	for _, routes := range []map[string]handler{
		sessionRoutes, definitionsRoutes, accountRoutes, groupRoutes, virtualMachineRoutes, discRoutes, backupRoutes,
		backupScheduleRoutes, nicRoutes, ipRoutes, userRoutes, privilegeRoutes, vmDefaultRoutes,
	} {
		for route, h := range routes {
			method, path, _ := strings.Cut(route, " ")
			root.add(method, path, h)
		}
	}
	return root
}
