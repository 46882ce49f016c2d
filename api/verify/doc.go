// Package verify compares api/openapi.yaml with the SDK, with bigvtest and with what their tests send. It is a module of its own,
// so that the SDK does not depend on what it needs.
//
//	go -C api/verify test .
package verify
