package bigv

import (
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

	"github.com/bigv-go/bigv/internal/roundtrip"
)

// WithCapture writes what each attempt sent and what came back to w, for a support
// case: the request, the answer, their headers and the start of their bodies.
// Secrets are removed, those that the service makes, such as a new API key, too;
// names, addresses and IDs are not, nor is what is secret to you alone in a header
// of WithHeader's or a body of Do's: look it over before you pass it on. Of the
// answers to All there are the headers only, and of sessions no bodies. w gets one
// Write for each attempt, never two at once; its errors are ignored.
func WithCapture(w io.Writer) Option {
	return func(c *config) error {
		if w == nil {
			return fmt.Errorf("the writer to capture to is nil")
		}
		c.capture = &capture{w: w}
		return nil
	}
}

// capture is where attempts are written to, by clients derived from one another
// too.
type capture struct {
	mu sync.Mutex
	w  io.Writer
}

// maxCaptured is how much of a body is captured.
const maxCaptured = 64 << 10

// secretMembers finds the secrets in a body by the names that the API has for
// them. The end of the text may be missing.
var secretMembers = regexp.MustCompile(`("(?:api_key|password|root_password|firstboot_script|2fa|yubikey)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)`)

// attempt writes one attempt.
func (c *capture) attempt(x *exchange, a roundtrip.Attempt) {
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s, attempt %d, %s, after %s\n", describe(x.operation, x.what()), x.before+a.Number,
		time.Now().UTC().Format(time.RFC3339), a.Duration.Round(time.Microsecond))
	fmt.Fprintf(&out, "> %s %s\n", a.Request.Method, x.where())
	x.captureMessage(&out, "> ", a.Request.Header, a.Request.Body)
	if a.StatusCode != 0 {
		fmt.Fprintf(&out, "< %d %s\n", a.StatusCode, http.StatusText(a.StatusCode))
		if a.Request.Stream && a.StatusCode < 300 {
			a.Body = nil // what is there is only what was kept for an error
		}
		x.captureMessage(&out, "< ", a.Header, a.Body)
	}
	if a.Err != nil {
		out.WriteString("! " + printable(x.redact(a.Err.Error())) + "\n")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.w, out.String()+"\n")
}

// captureMessage writes the headers and the body of a request or an answer.
func (x *exchange) captureMessage(out *strings.Builder, mark string, header http.Header, body []byte) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			switch name {
			case "Authorization", "Set-Cookie":
				value = redacted
			case "Location": // it may repeat a secret, escaped in ways that are not recognized
				if u, err := url.Parse(value); err == nil && u.Host != "" {
					value = origin(u) + "/…"
				} else {
					value = redacted
				}
			}
			out.WriteString(mark + name + ": " + printable(x.redactAnswer(value)) + "\n")
		}
	}
	if len(body) == 0 {
		return
	}
	text := redacted // a session's body is the secret itself
	if !strings.HasPrefix(x.route, sessionsRoute) {
		text = secretMembers.ReplaceAllString(x.redactAnswer(string(body)), `$1"`+redacted+`"`)
		if len(text) > maxCaptured {
			text = fmt.Sprintf("%s… (%d bytes in all)", strings.ToValidUTF8(text[:maxCaptured], ""), len(text))
		}
	}
	out.WriteString(strings.TrimSpace(mark) + "\n" + mark + strings.ReplaceAll(printable(text), "\n", "\n"+mark) + "\n")
}

// printable is text without what could make a terminal do something.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
