package sim

import (
	"slices"
)

// byteFaults returns a cut and a reset at each byte of an exchange, and a stall and the end of the context at every tenth.
func byteFaults(_ config, calm result) (faults []Fault) {
	for dir, size := range calm.bytes {
		for at := range size + 1 {
			faults = append(faults, Fault{Kind: Cut, Dir: Direction(dir), At: at}, Fault{Kind: Reset, Dir: Direction(dir), At: at})
			if at%10 == 0 {
				faults = append(faults, Fault{Kind: Stall, Dir: Direction(dir), At: at, For: unbounded},
					Fault{Kind: EndContext, Dir: Direction(dir), At: at})
			}
		}
	}
	return faults
}

// lastErrorCode is the highest error code of HTTP/2 (RFC 9113, section 7).
const lastErrorCode = 13

func frameFaults(_ config, calm result) (faults []Fault) {
	for dir, frames := range calm.frames {
		for at := range frames {
			for _, after := range []bool{false, true} {
				for code := range uint32(lastErrorCode + 1) {
					place := Fault{Dir: Direction(dir), At: at, After: after, Code: code}
					faults = append(faults, framesAt(place)...)
				}
			}
		}
	}
	return faults
}

// framesAt returns the faults at the place of a fault, with its error code.
func framesAt(place Fault) []Fault {
	reset := place
	reset.Kind = ResetStream
	faults := []Fault{reset}
	for _, last := range []LastStream{Below, Same, Above} {
		if last == Below && place.Dir == ToClient {
			continue // this promises that the request was not processed, but it was
		}
		f := place
		f.Kind, f.Last = GoAway, last
		faults = append(faults, f)
	}
	return faults
}

func requestFaults(c config, calm result) (faults []Fault) {
	for at := range calm.requests {
		for _, f := range slices.Concat(proxyFaults, responseFaults()) {
			f.At = at
			faults = append(faults, f)
		}
	}
	if c.http2 {
		faults = append(faults, Fault{Kind: FailHandshake}, Fault{Kind: FailHandshake, After: true}) // without TLS, it is a cut
	}
	return append(faults, Fault{Kind: RefuseDial})
}

var proxyFaults = []Fault{
	{Kind: Lose}, {Kind: Twice}, {Kind: CloseAfter},
	{Kind: Informational, Status: 100}, {Kind: Informational, Status: 102}, {Kind: Informational, Status: 103},
}

// responseFaults returns responses of a proxy in the place of the service.
func responseFaults() []Fault {
	return slices.Concat(serverErrors(), refusals(), redirects(), pages(), emptyResponses())
}

func serverErrors() []Fault {
	frequent := serverErrorsOf(500, 502, 504)
	return append(frequent, serverErrorsOf(501, 505, 507, 508, 520, 521, 522, 523, 524, 525, 526, 527, 599)...)
}

func serverErrorsOf(statuses ...int) (faults []Fault) {
	for _, status := range statuses {
		for _, body := range []string{"", `{"error":"busy"}`, htmlPage} {
			faults = append(faults, Fault{Kind: Respond, Status: status, Body: body},
				Fault{Kind: Respond, Status: status, Body: body, After: true})
		}
	}
	return faults
}

// refusals returns responses that say that the request was not processed.
func refusals() (faults []Fault) {
	for _, status := range []int{400, 402, 403, 404, 405, 407, 408, 409, 413, 421, 425, 429, 451, 499, 503} {
		for _, body := range []string{"", htmlPage} {
			faults = append(faults, Fault{Kind: Respond, Status: status, Body: body})
		}
	}
	for _, status := range []int{429, 503} {
		faults = append(faults, Fault{Kind: Respond, Status: status, Header: "Retry-After: 1"})
	}
	return faults
}

func redirects() (faults []Fault) {
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for _, after := range []bool{false, true} {
			faults = append(faults, Fault{Kind: Respond, Status: status, Header: "Location: /", After: after},
				Fault{Kind: Respond, Status: status, Header: "Location: http://portal.test/", After: after})
		}
	}
	return faults
}

// pages returns 2xx responses that are not the service's.
func pages() (faults []Fault) {
	for _, body := range []string{htmlPage, "\ufeff" + htmlPage, "Please log in"} {
		for _, after := range []bool{false, true} {
			faults = append(faults, Fault{Kind: Respond, Status: 200, Body: body, After: after})
		}
	}
	return faults
}

// emptyResponses returns 2xx responses without a value. The service may send them too, so it has processed the request.
func emptyResponses() (faults []Fault) {
	for _, body := range []string{"", "{}", "null", `{"error":"busy"}`, "[null]"} {
		faults = append(faults, Fault{Kind: Respond, Status: 200, Body: body, After: true})
	}
	return append(faults, Fault{Kind: Respond, Status: 204, After: true})
}

const htmlPage = "<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"

func idleFaults(config, result) []Fault { return []Fault{{Kind: CloseIdle}} }
