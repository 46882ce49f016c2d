// Package api contains a description of the Cloud Servers API as OpenAPI 3.1, for tools that read one and for servers of tests that
// serve one. The SDK does not use it.
package api

import _ "embed"

// Description is the content of openapi.yaml.
//
//go:embed openapi.yaml
var Description string

// Page is the content of openapi.html: the description as a page for people, in one file without assets.
//
//go:embed openapi.html
var Page string
