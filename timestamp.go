package bigv

import (
	"fmt"
	"strings"
	"time"
)

// Timestamp is a point in time as the service writes it. It writes several
// formats, so its text is kept and Time reads it. Empty is none.
type Timestamp string

// NewTimestamp is t as the service takes it: ISO 8601 in UTC, whole seconds. The
// zero time gives none.
func NewTimestamp(t time.Time) Timestamp {
	if t.IsZero() {
		return ""
	}
	return Timestamp(t.UTC().Format(time.RFC3339))
}

// ukZones are the zones that the service knows by name.
var ukZones = map[string]string{"GMT": "Z", "UTC": "Z", "BST": "+01:00"}

// Time reads ISO 8601 with any zone, and 2019-03-04 00:00:00 with GMT, BST, UTC
// or an offset behind it; with none it is the time in the United Kingdom. None
// gives the zero time. A time of day without a date, which the service takes for
// the start of a backup schedule, is an error, and so is any other text.
func (t Timestamp) Time() (time.Time, error) {
	if t == "" {
		return time.Time{}, nil
	}
	text := strings.TrimSpace(string(t))
	if date, clock, ok := strings.Cut(text, " "); ok && !strings.Contains(date, "T") {
		text = date + "T" + clock
	}
	text = strings.ReplaceAll(text, " ", "")
	for zone, offset := range ukZones {
		if local, ok := strings.CutSuffix(text, zone); ok {
			text = local + offset
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	const local = "2006-01-02T15:04:05"
	if _, err := time.Parse(local, text); err != nil {
		return time.Time{}, fmt.Errorf("bigv: %q is not a time with a date", string(t))
	}
	uk, err := time.LoadLocation("Europe/London")
	if err != nil {
		return time.Time{}, fmt.Errorf("bigv: reading %q: %w", string(t), err)
	}
	return time.ParseInLocation(local, text, uk)
}
