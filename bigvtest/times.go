package bigvtest

import (
	"regexp"
	"strconv"
	"time"
)

// timeFormat matches a date, with an optional time of day, fraction and zone. The parts of each may be
// written in the extended or in the basic form of ISO 8601.
var timeFormat = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d|\d{8})(?:[T ](\d\d:\d\d:\d\d|\d\d:\d\d|\d{6}|\d{4})([.,]\d+)? ?(Z|GMT|UTC|BST|[+-]\d[\d:]*)?)?$`)

// zoneOffset matches a numeric time zone: +02:00, +0200, +200, +02 or +2.
var zoneOffset = regexp.MustCompile(`^([+-])(\d\d?):?([0-5]\d)?$`)

// Layouts of a date and of a time of day.
var (
	dateLayouts = []string{"2006-01-02", "20060102"}
	timeLayouts = []string{"", "15:04:05", "15:04", "150405", "1504"}
	dayLayouts  = []string{"15:04:05", "15:04"}
)

// parseTime parses a time as the service does. A time without a zone is in British time, and a time of
// day is its next occurrence.
func parseTime(text string, now time.Time) (time.Time, bool) {
	parts := timeFormat.FindStringSubmatch(text)
	if parts == nil {
		return parseTimeOfDay(text, now)
	}
	for _, date := range dateLayouts {
		for _, clock := range timeLayouts {
			// Parse accepts the fraction, which the layout does not mention, only after seconds.
			t, err := time.Parse(date+"T"+clock, parts[1]+"T"+parts[2]+parts[3])
			if err == nil {
				return inZone(t, parts[4])
			}
		}
	}
	return time.Time{}, false
}

// inZone returns the time whose date and time of day in a zone are those of t.
func inZone(t time.Time, zone string) (time.Time, bool) {
	switch zone {
	case "":
		return british(t), true
	case "Z", "GMT", "UTC":
		return t, true
	case "BST":
		zone = "+01:00"
	}
	parts := zoneOffset.FindStringSubmatch(zone)
	if parts == nil {
		return time.Time{}, false
	}
	hours, _ := strconv.Atoi(parts[2])
	minutes, _ := strconv.Atoi(parts[3]) // "" is 0
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if hours > 14 {
		return time.Time{}, false
	}
	if parts[1] == "-" {
		offset = -offset
	}
	return t.Add(-offset).In(time.FixedZone("", int(offset.Seconds()))), true
}

// parseTimeOfDay parses a time of day in British time and returns its next occurrence.
func parseTimeOfDay(text string, now time.Time) (time.Time, bool) {
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
