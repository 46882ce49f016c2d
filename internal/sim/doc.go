// Package sim tests the client in a simulation. A real [bigv.Client] and the real net/http send requests over HTTP/1.1, or over
// HTTP/2 with TLS, through an in-memory network to the service of package bigvtest. A proxy in this network injects faults at any
// byte, frame, request or connection. Everything runs in a testing/synctest bubble, so minutes of waiting take milliseconds.
//
// An oracle compares the error of each call with the journal of the service:
//
//   - With a nil error, the write was applied once, or at least once if it is idempotent.
//   - With an error that matches ErrOutcomeUnknown, the request may have been processed, as far as a client can know.
//   - With any other error, the write was not applied.
//   - A non-idempotent write is never applied twice.
//
// The package has only tests. By default they run a sample of the cases; see the flags -exhaustive, -seeds and -seed.
//
// [bigv.Client]: https://pkg.go.dev/github.com/bigv-go/bigv#Client
package sim
