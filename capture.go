package bigv

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/bigv-go/bigv/internal/redact"
	"github.com/bigv-go/bigv/internal/retry"
	"github.com/bigv-go/bigv/internal/transport"
)

// WithCapture writes each attempt to w, for a support case: the request and the response with their
// headers and the first 64 KiB of each body.
//
// Secrets are redacted, including those that the service generates, such as a new API key, and so are
// the values of headers, except for common ones such as Content-Type. Names, addresses and IDs are not
// redacted, and neither are secrets that the client does not recognize: those in a query parameter, or
// in a body of Do that does not use the type Secret. Review a capture before you share it.
//
// The 2xx responses to All are captured without their bodies, and so are requests to the authentication
// service and their responses.
//
// Each attempt is written with one call of Write, and errors of Write are ignored. The calls are never
// concurrent, even if clients derived with With write to w too.
func WithCapture(w io.Writer) Option {
	return func(c *config) error {
		if isNil(w) {
			return errors.New("writer of WithCapture is nil")
		}
		c.capture = (&capture{w: w}).write
		return nil
	}
}

// capture is the destination of WithCapture. Derived clients share it.
type capture struct {
	mu sync.Mutex
	w  io.Writer
}

// maxCaptured is the number of bytes of a body that are captured.
const maxCaptured = 64 << 10

// secretMembers matches the secrets in a JSON body by the names of their members. The end of the
// body may be missing.
var secretMembers = regexp.MustCompile(
	`("(?:api_key|password|root_password|firstboot_script|2fa|yubikey)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)`)

// write writes one attempt.
func (c *capture) write(resp *response, a retry.Attempt) {
	req, clean := resp.request, resp.redactor()
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s, attempt %d, %s, after %s\n", describe(req.name, req.subject()), a.Number,
		time.Now().UTC().Format(time.RFC3339), a.Duration.Round(time.Microsecond))
	if !a.NotSent {
		fmt.Fprintf(&out, "> %s %s\n", req.method, clean.String(req.displayURL()))
		captureHeader(&out, "> ", a.Request.Header, clean)
		captureBody(&out, "> ", a.Request.Body, req.endpoint.confidential, clean.String)
	}
	if a.StatusCode != 0 {
		fmt.Fprintf(&out, "< %d %s\n", a.StatusCode, http.StatusText(a.StatusCode))
		captureHeader(&out, "< ", a.Header, clean)
		redactBody := clean.String
		if a.Err != nil { // the body was cut short
			redactBody = clean.Truncated
		}
		captureBody(&out, "< ", a.Body, req.endpoint.confidential, redactBody)
	}
	if a.Err != nil {
		out.WriteString("! " + printable(clean.String(a.Err.Error())) + "\n")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.w, out.String()+"\n")
}

// shownHeaders are the headers whose values are captured. Any other may hold what the client does not
// recognize as a secret, such as a session ID.
var shownHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Age": true, "Allow": true, "Cache-Control": true, "Connection": true,
	"Content-Encoding": true, "Content-Language": true, "Content-Length": true, "Content-Type": true, "Date": true, "Expires": true,
	"Last-Modified": true, "Location": true, "Pragma": true, "Retry-After": true, "Server": true, "Strict-Transport-Security": true,
	"Transfer-Encoding": true, "User-Agent": true, "Vary": true, "Via": true, "X-Content-Type-Options": true, "X-Frame-Options": true,
	"X-Request-Id": true, "X-Runtime": true,
}

// captureHeader writes the headers of a request or a response, each line with a
// prefix.
func captureHeader(out *strings.Builder, prefix string, header http.Header, clean *redact.Redactor) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			if !shownHeaders[name] {
				value = redact.Placeholder
			} else if name == "Location" { // may repeat a secret in an encoding that is not recognized
				value = locationOrigin(value)
			}
			out.WriteString(prefix + name + ": " + printable(clean.String(value)) + "\n")
		}
	}
}

// locationOrigin returns the origin of a Location header.
func locationOrigin(location string) string {
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		return transport.Origin(u) + "/…"
	}
	return redact.Placeholder
}

// captureBody writes the body of a request or a response, each line with a prefix.
func captureBody(out *strings.Builder, prefix string, body []byte, confidential bool, redactBody func(string) string) {
	if len(body) == 0 {
		return
	}
	text := redact.Placeholder
	if !confidential {
		text = secretMembers.ReplaceAllString(redactBody(string(body)), `$1"`+redact.Placeholder+`"`)
		if len(text) > maxCaptured {
			text = fmt.Sprintf("%s… (%d bytes in all)", strings.ToValidUTF8(text[:maxCaptured], ""), len(text))
		}
	}
	out.WriteString(strings.TrimSpace(prefix) + "\n" + prefix + strings.ReplaceAll(printable(text), "\n", "\n"+prefix) + "\n")
}

// printable replaces the control characters of a text, which a terminal could interpret, and those that
// change its direction.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
