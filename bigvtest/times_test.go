package bigvtest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestTimeFormats(t *testing.T) {
	for text, want := range map[string]string{
		"2019-03-10T01:02:03Z":      "2019-03-10T01:02:03+00:00",
		"2019-03-10T01:02:03.5Z":    "2019-03-10T01:02:03+00:00",
		"2019-03-10T01:02:03+02:00": "2019-03-10T01:02:03+02:00",
		"2019-03-10T01:02:03-0700":  "2019-03-10T01:02:03-07:00",
		"2019-03-10 01:02:03 GMT":   "2019-03-10T01:02:03+00:00",
		"2019-03-10 01:02:03 UTC":   "2019-03-10T01:02:03+00:00",
		"2019-07-10 01:02:03 BST":   "2019-07-10T01:02:03+01:00",
		"2019-03-10 01:02:03 +0200": "2019-03-10T01:02:03+02:00",
		"2019-03-10 01:02:03":       "2019-03-10T01:02:03+00:00",
		"2019-07-10 01:02:03":       "2019-07-10T01:02:03+01:00",
		"2019-07-10T01:02:03":       "2019-07-10T01:02:03+01:00",
		"2019-03-31 00:59:59":       "2019-03-31T00:59:59+00:00", // the last second of winter time
		"2019-03-31 02:00:00":       "2019-03-31T02:00:00+01:00",
		"2019-10-27 00:59:59":       "2019-10-27T00:59:59+01:00",
		"2019-10-27 02:00:00":       "2019-10-27T02:00:00+00:00",
		"2019-03-10":                "2019-03-10T00:00:00+00:00",
		"13:00":                     "2019-03-04T13:00:00+00:00", // today
		"12:00":                     "2019-03-04T12:00:00+00:00", // now
		"11:59:59":                  "2019-03-05T11:59:59+00:00", // tomorrow
		"25:00":                     "",
		"2019-02-30":                "",
		"2019-03-10 01:02:03 XYZ":   "",
		"soon":                      "",
	} {
		t.Run(text, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			srv.Account("acme").Group("web").VirtualMachine("www1")
			got := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"interval_seconds":60,"start_at":"`+text+`"}`)
			if want == "" {
				assert.Equal(t, http.StatusBadRequest, got.status)
				assert.Equal(t, `{"start_at":["is invalid"]}`, got.body)
				return
			}
			assert.Equal(t, want, got.object(t)["start_at"], got.body)
		})
	}
}

func TestTimeOfDayInSummer(t *testing.T) {
	// 00:30 in Britain, but still the previous day in UTC.
	srv := bigvtest.NewServer(t, bigvtest.WithClock(time.Date(2019, 7, 9, 23, 30, 0, 0, time.UTC)))
	srv.Account("acme").Group("web").VirtualMachine("www1")
	for text, want := range map[string]string{"01:00": "2019-07-10T01:00:00+01:00", "00:00": "2019-07-11T00:00:00+01:00"} {
		got := send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"interval_seconds":60,"start_at":"`+text+`"}`)
		assert.Equal(t, want, got.object(t)["start_at"], got.body)
	}
}
