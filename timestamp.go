package bigv

import (
	"fmt"
	"strings"
	"time"
)

// Timestamp is a time in the form in which the service writes it. The service uses several formats,
// so the text is kept; Time parses it. The empty Timestamp means no time.
type Timestamp string

// NewTimestamp returns t in the format that the service accepts: ISO 8601 in UTC, in whole seconds.
// For the zero time it returns the empty Timestamp.
func NewTimestamp(t time.Time) Timestamp {
	if t.IsZero() {
		return ""
	}
	return Timestamp(t.UTC().Format(time.RFC3339))
}

// ukZones maps the names of time zones that the service uses to their offsets.
var ukZones = map[string]string{"GMT": "Z", "UTC": "Z", "BST": "+01:00"}

// Time parses the timestamp: ISO 8601, or a date and time such as 2019-03-04 00:00:00, with GMT,
// BST, UTC or an offset after it. Without a zone it is UK time. For the empty Timestamp it returns
// the zero time.
//
// A time of day without a date, which the service accepts as the start of a backup schedule, is an
// error.
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
	at, err := time.Parse(local, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("bigv: timestamp %q is not a date and time", truncateText(string(t), maxMessage))
	}
	// British Summer Time by its rule since 1996, because not every system has a database of time zones. The hour that
	// occurs twice in October is taken for GMT.
	year := at.Year()
	if !at.Before(lastSunday(year, time.March).Add(2*time.Hour)) && at.Before(lastSunday(year, time.October).Add(time.Hour)) {
		return at.Add(-time.Hour).In(time.FixedZone("BST", 60*60)), nil
	}
	return at, nil
}

// lastSunday returns the beginning of the last Sunday of a month with 31 days.
func lastSunday(year int, month time.Month) time.Time {
	last := time.Date(year, month, 31, 0, 0, 0, 0, time.UTC)
	return last.AddDate(0, 0, -int(last.Weekday()))
}
