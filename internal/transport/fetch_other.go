//go:build !js

package transport

import "net/http"

// refuseRedirects returns req. Only fetch follows redirects by itself.
func refuseRedirects(_ http.RoundTripper, req *http.Request) *http.Request { return req }
