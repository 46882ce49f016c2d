package bigvtest

import (
	"strings"
	"time"
)

// Forms in which a time may be written, with and without a zone. A fraction of a
// second may follow in each.
var (
	zonedLayouts = []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05Z07:00",
	}
	localLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}
	dayLayouts   = []string{"15:04:05", "15:04"}
)

// parseTime reads a time as the service does. One without a zone is British
// time, and a time of day is the one that comes next.
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

// british takes what a clock in Britain shows, written as UTC, for the instant.
func british(clock time.Time) time.Time {
	if at := clock.Add(-time.Hour); britishZone(at) == summerTime {
		return at.In(summerTime)
	}
	return clock
}

// britishZone is the zone in which Britain is: summer time begins and ends at one
// o'clock UTC on the last Sundays of March and October. It is reckoned here, since
// not every machine has a database of zones.
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
