package sim

import (
	"fmt"
	"strings"
	"time"
)

// Fault is one failure of the network or of a proxy. It happens once. Positions are counted over all connections, from the moment
// at which the network is armed.
type Fault struct {
	Kind Kind
	Dir  Direction // of the bytes or the frames
	// At is the position, counted from 0. Its unit depends on the kind: the number of bytes that are forwarded before the fault, or
	// the index of a frame, a request or a connection.
	At    int
	After bool          // after the frame, or after the service has processed the request, instead of before
	For   time.Duration // of Stall, Delay and SlowDial
	Code  uint32        // of ResetStream and GoAway
	Last  LastStream    // of GoAway

	Status int    // of Respond and Informational
	Body   string // of Respond
	Header string // of Respond: one line, such as "Retry-After: 1"
}

// Kind is what happens.
type Kind int

const (
	// At a byte.

	Cut        Kind = iota // both ends read EOF
	Reset                  // both ends read "connection reset" and lose what they have not read
	Stall                  // the rest of this direction is held back for a while
	Delay                  // each later write of this direction is held back for a while
	Segment                // the rest of this direction arrives byte by byte
	EndContext             // the contexts of all calls are cancelled, and the connection stays

	// At a frame of HTTP/2: HEADERS, CONTINUATION or DATA.

	ResetStream // the client receives RST_STREAM
	GoAway      // the client receives GOAWAY

	// At a request.

	Respond       // the proxy responds in the place of the service
	Lose          // the service processes the request, and the response is lost
	Twice         // the proxy sends the request twice and forwards the first response
	CloseAfter    // the response has "Connection: close"; over HTTP/2 a graceful GOAWAY follows
	Informational // an informational response precedes the response

	// At a connection.

	RefuseDial    // the connection is refused
	SlowDial      // the connection is established late
	FailHandshake // the connection is closed before anything is read; with After, the TLS handshake fails
	CloseIdle     // the first write on a connection that has been used fails, and sends nothing
	SlowWrite     // each write of the client returns when other goroutines have had the time to react to it; At is ignored
)

var kindNames = []string{"Cut", "Reset", "Stall", "Delay", "Segment", "EndContext", "ResetStream", "GoAway", "Respond", "Lose", "Twice",
	"CloseAfter", "Informational", "RefuseDial", "SlowDial", "FailHandshake", "CloseIdle", "SlowWrite"}

// Direction is the direction of bytes or frames.
type Direction int

const (
	ToServer Direction = iota
	ToClient
)

// LastStream is the last stream that a GOAWAY promises to process.
type LastStream int

const (
	Below LastStream = iota // the stream before the current one
	Same                    // the current stream
	Above                   // a later stream
)

// String returns the fault as a Go expression.
func (f Fault) String() string {
	fields := []string{"Kind: " + kindNames[f.Kind]}
	add := func(present bool, format string, args ...any) {
		if present {
			fields = append(fields, fmt.Sprintf(format, args...))
		}
	}
	add(f.Dir == ToClient, "Dir: ToClient")
	add(f.At != 0, "At: %d", f.At)
	add(f.After, "After: true")
	add(f.For != 0, "For: %d", f.For)
	add(f.Code != 0, "Code: %d", f.Code)
	add(f.Last != Below, "Last: %s", []string{"Below", "Same", "Above"}[f.Last])
	add(f.Status != 0, "Status: %d", f.Status)
	add(f.Body != "", "Body: %q", f.Body)
	add(f.Header != "", "Header: %q", f.Header)
	return "{" + strings.Join(fields, ", ") + "}"
}

// isBytewise reports whether At is a number of bytes.
func (f Fault) isBytewise() bool { return f.Kind <= EndContext }

// isFramewise reports whether At is the index of a frame.
func (f Fault) isFramewise() bool { return f.Kind == ResetStream || f.Kind == GoAway }

// isRequestwise reports whether At is the index of a request.
func (f Fault) isRequestwise() bool { return f.Kind >= Respond && f.Kind <= Informational }

// isConnectionwise reports whether At is the index of a connection.
func (f Fault) isConnectionwise() bool { return f.Kind >= RefuseDial && f.Kind <= FailHandshake }

// schedule returns faults as Go code.
func schedule(faults []Fault) string {
	var b strings.Builder
	b.WriteString("[]Fault{")
	for _, f := range faults {
		b.WriteString("\n\t" + f.String() + ",")
	}
	b.WriteString("\n}")
	return b.String()
}
