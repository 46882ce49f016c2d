package bigvtest_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestClock(t *testing.T) {
	start := time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)
	t.Run("stands still", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start))
		assert.Equal(t, start, srv.Now())
		srv.Advance(time.Minute)
		srv.Advance(-time.Hour) // must not move it backwards
		assert.Equal(t, start.Add(time.Minute), srv.Now())
	})
	t.Run("advances by any duration", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start))
		srv.Account("acme").Group("web").VirtualMachine("www1")
		send(t, srv, srv.Token(), "POST "+onDisc+"/backup_schedules", `{"interval_seconds":3600,"capacity":2}`)
		before := srv.Now()
		for range 40 {
			srv.Advance(math.MaxInt64)
			require.True(t, srv.Now().After(before), srv.Now())
			before = srv.Now()
		}
		assert.Greater(t, srv.Now().Year(), 10_000)
		got := send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", `{"virtual_machine":{"name":"new1"},"discs":[{"size":50}]}`)
		assert.Equal(t, http.StatusAccepted, got.status)
		srv.Advance(bigvtest.ProvisioningTime)
		assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET "+inWeb+"/virtual_machines/new1", "").status)
		assert.Len(t, send(t, srv, srv.Token(), "GET "+onDisc+"/backups", "").list(t), 2)
	})
	t.Run("WithAutoAdvance", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithClock(start), bigvtest.WithAutoAdvance(time.Minute))
		srv.Account("acme").Group("web").VirtualMachine("www1")
		requests := []string{
			onWWW1, "/virtual_machines/www1", "/virtual_machines", inWeb + "/virtual_machines", onDisc, onWWW1 + "/discs", "/discs",
			"/discs/9001", onDisc + "/backups",
		}
		for _, path := range requests {
			require.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET "+path, "").status, path)
		}
		send(t, srv, srv.Token(), "PUT "+onWWW1, `{}`)
		send(t, srv, srv.Token(), "GET /accounts", "")
		assert.Equal(t, start.Add(time.Duration(len(requests))*time.Minute), srv.Now())
	})
	t.Run("WithAutoAdvance during provisioning", func(t *testing.T) {
		srv := bigvtest.NewServer(t, bigvtest.WithAutoAdvance(bigvtest.ProvisioningTime/3))
		send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1)
		var codes []int
		for range 4 {
			codes = append(codes, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
		}
		assert.Equal(t, []int{202, 202, 200, 200}, codes)
	})
	t.Run("WithSpeed", func(t *testing.T) {
		before := time.Now()
		srv := bigvtest.NewServer(t, bigvtest.WithSpeed(1e7))
		send(t, srv, srv.Token(), "POST "+inWeb+"/vm_create", createWWW1) // 10 µs of real time are 100 s on this clock
		assert.Equal(t, http.StatusOK, send(t, srv, srv.Token(), "GET "+onWWW1, "").status)
		assert.True(t, srv.Now().After(before))
		slow := bigvtest.NewServer(t, bigvtest.WithSpeed(1))
		assert.WithinDuration(t, time.Now(), slow.Now(), time.Minute)
		slow.Advance(time.Hour)
		assert.WithinDuration(t, time.Now().Add(time.Hour), slow.Now(), time.Minute)
	})
}
