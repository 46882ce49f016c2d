// Package verify compares api/openapi.yaml with the SDK, with bigvtest and with what their tests send. It is a module of its own,
// so that the SDK does not depend on what it needs.
//
//	go -C api/verify test
//
// With an argument such as ./..., -count=1 is needed too: go test caches results, and does not see changes outside the module.
package verify
