package bigvtest

import (
	"strings"
	"time"
)

// Time layouts that the service accepts, with and without a time zone. Each may contain a fraction of
// a second.
var (
	zonedLayouts = []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05Z07:00",
	}
	localLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}
	dayLayouts   = []string{"15:04:05", "15:04"}
)

// parseTime parses a time as the service does. A time without a zone is in British time, and a time of
// day is its next occurrence.
func parseTime(text string, now time.Time) (time.Time, bool) {
	for zone, offset := range map[string]string{" GMT": " +0000", " UTC": " +0000", " BST": " +0100"} {
		if start, found := strings.CutSuffix(text, zone); found {
			text = start + offset
			break
		}
	}
	for _, layout := range zonedLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	for _, layout := range localLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return british(t), true
		}
	}
	for _, layout := range dayLayouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		y, m, d := now.In(britishZone(now)).Date()
		at := british(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC))
		if at.Before(now) {
			at = british(time.Date(y, m, d+1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC))
		}
		return at, true
	}
	return time.Time{}, false
}

var summerTime = time.FixedZone("BST", 3600)

// british converts a British local time, given in UTC, to the time it denotes.
func british(clock time.Time) time.Time {
	if at := clock.Add(-time.Hour); britishZone(at) == summerTime {
		return at.In(summerTime)
	}
	return clock
}

// britishZone returns the British time zone in effect at a time. Summer time begins and ends at 01:00
// UTC on the last Sundays of March and October. It is computed here because some systems have no time
// zone database.
func britishZone(at time.Time) *time.Location {
	year := at.UTC().Year()
	if at.Before(lastSunday(year, time.March)) || !at.Before(lastSunday(year, time.October)) {
		return time.UTC
	}
	return summerTime
}

func lastSunday(year int, month time.Month) time.Time {
	last := time.Date(year, month+1, 0, 1, 0, 0, 0, time.UTC)
	return last.AddDate(0, 0, -int(last.Weekday()))
}
