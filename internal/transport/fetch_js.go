package transport

import (
	"net/http"
	"strings"
	"syscall/js"
)

// canFetch reports whether net/http uses fetch for a transport without functions to
// dial: it does not if there is none, and in Node.js.
var canFetch = !js.Global().Get("fetch").IsUndefined() && !(js.Global().Get("process").Type() == js.TypeObject &&
	strings.HasPrefix(js.Global().Get("process").Get("argv0").String(), "node"))

// refuseRedirects returns req, or a copy for which fetch does not follow redirects:
// it would repeat writes, and send them to other origins.
func refuseRedirects(base http.RoundTripper, req *http.Request) *http.Request {
	t, ok := base.(*http.Transport)
	if !ok || !canFetch || t.DialContext != nil || t.Dial != nil || t.DialTLSContext != nil || t.DialTLS != nil {
		return req
	}
	req = req.Clone(req.Context())
	req.Header.Set("js.fetch:redirect", "error")
	return req
}
