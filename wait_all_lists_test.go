package bigv_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// webList is the path of the list of the virtual machines of a group.
const webList = "/accounts/acme/groups/web/virtual_machines"

// machinesOn returns the paths of n new machines, which are on.
func machinesOn(server *bigvtest.Server, n int) (paths []bigv.VirtualMachinePath) {
	for i := range n {
		name := strings.Repeat(string(rune('a'+i)), 3)
		server.Account("acme").Group("web").VirtualMachine(name)
		paths = append(paths, web.VirtualMachine(name))
	}
	return paths
}

// byName returns the path of a machine by names.
func byName(group bigv.GroupPath, vm bigv.VirtualMachine) bigv.VirtualMachinePath {
	return group.VirtualMachine(vm.Name)
}

// toWeb returns the group web.
func toWeb(int) bigv.GroupPath { return web }

// waitForAll waits for all machines, each of which must succeed.
func waitForAll(t *testing.T, client *bigv.Client, paths []bigv.VirtualMachinePath, until bigv.VirtualMachineCondition) {
	t.Helper()
	results := 0
	for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, until, bigv.WaitOptions{}) {
		require.NoError(t, err, result.Path)
		results++
	}
	assert.Equal(t, len(paths), results)
}

// A list that fails does not keep WaitAll from polling the machines themselves.
func TestWaitAllWithAFailingList(t *testing.T) {
	for _, row := range []struct {
		name                string
		status, times       int
		lists, machines     int
		seconds, maxSeconds float64
	}{
		{"500, always", 500, -1, 3, 3, 1, 6},
		{"503, always", 503, -1, 3, 3, 1, 6},
		{"404, always", 404, -1, 1, 3, 0, 0},
		{"403, always", 403, -1, 1, 3, 0, 0},
		{"500, once", 500, 1, 2, 3, 0.5, 1},
		{"404, once", 404, 1, 1, 3, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
				paths := machinesOn(server, 3)
				server.Inject(bigvtest.Fault{Path: webList, Status: row.status, Times: row.times})
				started := time.Now()
				waitForAll(t, client, paths, bigv.PoweredOn)
				assert.Equal(t, row.lists, m.count("virtual_machines?"), "%q", m.sent)
				assert.Equal(t, row.machines, m.count("virtual_machines/"), "%q", m.sent)
				assert.GreaterOrEqual(t, time.Since(started).Seconds(), row.seconds)
				assert.LessOrEqual(t, time.Since(started).Seconds(), row.maxSeconds)
			}, once)
		})
	}
}

// A list that fails once, or is not visible at first, is read again later; one that always fails is read rarely, and one that the caller
// may not read is not.
func TestWaitAllReturnsToTheList(t *testing.T) {
	for _, row := range []struct {
		name          string
		status, times int
		lists         int // at most
		machines      int
	}{
		{"no failure", 0, 0, 30, 20},
		{"404, once", 404, 1, 30, 40},
		{"404, twice", 404, 2, 30, 60},
		{"500, once", 500, 1, 30, 20},
		{"500, three times", 500, 3, 30, 20 * 13},
		{"500, always", 500, -1, 5, 20 * 30},
		{"404, always", 404, -1, 5, 20 * 30},
		{"403, always", 403, -1, 1, 20 * 30},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
				server.Account("acme").Group("web")
				paths := createMachines(t, client, 20, toWeb, byName)
				if row.status != 0 {
					server.Inject(bigvtest.Fault{Path: webList, Method: "GET", Status: row.status, Times: row.times})
				}
				m.sent = nil
				waitForAll(t, client, paths, bigv.PoweredOn)
				t.Log(m.count("virtual_machines?"), m.count("virtual_machines/"))
				assert.LessOrEqual(t, m.count("virtual_machines?"), row.lists)
				assert.LessOrEqual(t, m.count("virtual_machines/"), row.machines)
			}, once)
		})
	}
}

// Only failures in a row count.
func TestWaitAllWithAListThatFailsNowAndThen(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		server.Account("acme").Group("web")
		paths := createMachines(t, client, 3, toWeb, byName)
		reads := 0
		server.Inject(bigvtest.Fault{Path: webList, Method: "GET", Status: 500, Times: -1, Match: func(*http.Request) bool {
			reads++
			return reads%2 != 0
		}})
		m.sent = nil
		waitForAll(t, client, paths, bigv.PoweredOn)
		assert.Equal(t, 3, m.count("virtual_machines/"), "%q", m.sent)
	}, once)
}

// While everything fails, a round of polls is a list, and in every third round three machines.
func TestWaitAllDuringAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 6)
		server.Inject(bigvtest.Fault{Status: 500, Times: 12})
		waitForAll(t, client, paths, bigv.PoweredOn)
		assert.Len(t, m.sent, 2*(3+3)+1+6)
		assert.Equal(t, 3, m.count("/ccc"))
		assert.Equal(t, 1, m.count("/ddd"))
	}, once)
}

// A machine that makes its list fail, and whose own GET fails, does not make the others fail.
func TestWaitAllWithABrokenMachine(t *testing.T) {
	for broken := range 3 {
		for _, status := range []int{500, 503, 403} {
			t.Run(fmt.Sprint(status, " of machine ", broken), func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
					paths := machinesOn(server, 3)
					fails := bigvtest.Fault{Status: status, Times: -1, Path: webList}
					server.Inject(fails)
					fails.Path = webList + "/" + strings.Repeat(string(rune('a'+broken)), 3)
					server.Inject(fails)
					for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, bigv.WaitOptions{}) {
						if result.Path == paths[broken] {
							require.Error(t, err)
						} else {
							require.NoError(t, err)
						}
					}
				}, once)
			})
		}
	}
}

// A list that has failed repeatedly is read again after a while.
func TestWaitAllReadsAFailedListAgain(t *testing.T) {
	for _, status := range []int{500, 404} {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			server.Account("acme").Group("web")
			paths := createMachines(t, client, 20, toWeb, byName)
			m.sent = nil
			server.Inject(bigvtest.Fault{Path: webList, Method: "GET", Status: status, Times: 3})
			off := func(vm bigv.VirtualMachine) (bool, error) { return vm.Name == "", nil }
			for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, off, bigv.WaitOptions{Timeout: 10 * time.Minute}) {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			assert.Greater(t, m.count("virtual_machines?"), 50)
			assert.Less(t, m.count("virtual_machines/"), 20*13)
		}, once)
	}
}

// A list that could be read again is trusted again: when it fails once more, the machines are not polled by themselves at once.
func TestWaitAllTrustsAListAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		reads := 0
		server.Inject(bigvtest.Fault{Path: webList, Status: 500, Times: -1, Match: func(*http.Request) bool {
			reads++
			return reads <= 3 || reads == 5
		}})
		never := func(bigv.VirtualMachine) (bool, error) { return false, nil }
		for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, never, bigv.WaitOptions{Timeout: 10 * time.Minute}) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Greater(t, reads, 10)
		assert.Equal(t, 10*3, m.count("virtual_machines/"), "from the third round to the twelfth")
	}, once)
}

// A list that fails is not read again before the time that the service has requested, or in the same round.
func TestWaitAllReadsAFailedListRarely(t *testing.T) {
	for _, status := range []int{503, 404} {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			paths := machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Path: webList, Status: status, Times: -1, Header: http.Header{"Retry-After": {"600"}}})
			never := func(bigv.VirtualMachine) (bool, error) { return false, nil }
			for range client.VirtualMachines.WaitAll(t.Context(), paths, never, bigv.WaitOptions{Timeout: time.Hour}) {
			}
			assert.LessOrEqual(t, m.count("virtual_machines?"), 7)
			assert.Greater(t, m.count("virtual_machines/"), 100)
		}, once)
	}
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 6)
		server.Inject(bigvtest.Fault{Path: webList, Status: 404, Times: -1})
		for range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, bigv.WaitOptions{}) {
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 1, m.count("virtual_machines?"))
	}, once)
}

// In an outage of five minutes, of which the service says that it takes another minute each time, WaitAll sends few requests.
func TestWaitAllWaitsAsLongAsRetryAfterSays(t *testing.T) {
	outage := bigvtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}, Times: 9}
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		server.Inject(outage)
		started := time.Now()
		var next []time.Duration
		options := bigv.WaitOptions{OnPoll: func(p bigv.Poll) { next = append(next, p.Next) }}
		for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, options) {
			require.NoError(t, err)
		}
		assert.Len(t, m.sent, 9+3, "%q", m.sent) // the third and the sixth of the failed rounds poll the machines too
		assert.GreaterOrEqual(t, time.Since(started), 5*time.Minute)
		assert.Less(t, time.Since(started), 6*time.Minute)
		require.Len(t, next, 5*3)
		for _, d := range next {
			assert.GreaterOrEqual(t, d, time.Minute)
			assert.Less(t, d, 67*time.Second)
		}
	})
}

// What the service requests for one machine does not delay the others.
func TestWaitAllDelaysOnlyWhatRetryAfterIsFor(t *testing.T) {
	for _, status := range []int{403, 404, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
				server.Account("acme").Group("web")
				paths := createMachines(t, client, 3, toWeb, byName)
				server.Account("acme").Group("other").VirtualMachine("www1")
				other := acme.Group("other").VirtualMachine("www1")
				server.Inject(bigvtest.Fault{Path: "/accounts/acme/groups/other/virtual_machines/www1", Status: status,
					Header: http.Header{"Retry-After": {"600"}}})
				started := time.Now()
				paths = append([]bigv.VirtualMachinePath{other}, paths...)
				for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, bigv.WaitOptions{}) {
					took := time.Since(started)
					switch {
					case result.Path != other:
						require.NoError(t, err)
						assert.Less(t, took, 2*time.Minute)
					case status == 403:
						require.ErrorIs(t, err, bigv.ErrForbidden)
						assert.Zero(t, took)
					default:
						require.NoError(t, err)
						assert.GreaterOrEqual(t, took, 10*time.Minute)
						assert.Less(t, took, 12*time.Minute)
					}
				}
			}, once)
		})
	}
}

// The Retry-After of a machine also counts while its list fails, and that of everything right after the list has failed repeatedly.
func TestWaitAllWaitsForRetryAfterWhileTheListFails(t *testing.T) {
	for _, status := range []int{500, 404, 403} {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			paths := machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Path: webList, Status: status, Times: -1})
			server.Inject(bigvtest.Fault{Path: webList + "/aaa", Status: 503, Times: 7, Header: http.Header{"Retry-After": {"120"}}})
			started := time.Now()
			waitForAll(t, client, paths, bigv.PoweredOn)
			assert.GreaterOrEqual(t, time.Since(started), 14*time.Minute, status)
		}, once)
	}
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		server.Account("acme").Group("web")
		paths := createMachines(t, client, 20, toWeb, byName)
		m.sent = nil
		reads, down := 0, time.Time{}
		server.Inject(bigvtest.Fault{Path: webList, Method: "GET", Status: 404, Times: -1, Match: func(*http.Request) bool {
			if reads++; reads == 3 {
				down = time.Now().Add(time.Millisecond)
			}
			return down.IsZero() || time.Now().Before(down) || time.Since(down) > 5*time.Minute
		}})
		server.Inject(bigvtest.Fault{Status: 503, Times: -1, Header: http.Header{"Retry-After": {"60"}}, Match: func(*http.Request) bool {
			return !down.IsZero() && time.Since(down) > 0 && time.Since(down) < 5*time.Minute
		}})
		waitForAll(t, client, paths, bigv.PoweredOn)
		assert.Less(t, len(m.sent), 250)
	}, once)
}

// A slow OnPoll does not shorten the pause between polls.
func TestWaitAllWithASlowOnPoll(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		var last time.Time
		options := bigv.WaitOptions{Timeout: 10 * time.Minute, MinInterval: 4 * time.Second, OnPoll: func(p bigv.Poll) {
			assert.GreaterOrEqual(t, p.Next, 2*time.Second)
			if p.VirtualMachine.Name == "aaa" && !last.IsZero() {
				assert.GreaterOrEqual(t, time.Since(last), 3*5*time.Second+2*time.Second)
			}
			if p.VirtualMachine.Name == "aaa" {
				last = time.Now()
			}
			time.Sleep(5 * time.Second)
		}}
		for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.Deleted, options) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.False(t, last.IsZero())
	})
}

// What the service has requested of another call does not count.
func TestWaitIgnoresTheRetryAfterOfOtherCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		server.Inject(bigvtest.Fault{Path: "/accounts/acme", Status: 429, Header: http.Header{"Retry-After": {"1800"}}, Times: -1})
		for range 6 {
			_, err := client.Accounts.Get(t.Context(), acme)
			require.Error(t, err)
		}
		started := time.Now()
		polls := 0
		options := bigv.WaitOptions{OnPoll: func(p bigv.Poll) {
			polls++
			require.ErrorContains(t, p.Err, "not sent")
		}}
		_, err := client.VirtualMachines.Wait(t.Context(), paths[0], bigv.PoweredOn, options)
		require.NoError(t, err)
		assert.NotZero(t, polls)
		assert.Less(t, time.Since(started), time.Minute)
	}, once, bigv.WithGate(200*time.Millisecond))
}

// A wait whose timeout is just longer than a Retry-After succeeds.
func TestRetryAfterWithinTheTimeout(t *testing.T) {
	for range 50 {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			paths := machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}, Times: 2})
			options := bigv.WaitOptions{Timeout: 61 * time.Second}
			_, err := client.VirtualMachines.Wait(t.Context(), paths[0], bigv.PoweredOn, options)
			require.ErrorIs(t, err, context.DeadlineExceeded, "two times 60 seconds are too long")
			server.Inject(bigvtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}})
			_, err = client.VirtualMachines.Wait(t.Context(), paths[0], bigv.PoweredOn, options)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), options.Timeout)
			defer cancel()
			server.Inject(bigvtest.Fault{Method: "POST", Status: 503, Header: http.Header{"Retry-After": {"60"}}})
			_, created, err := client.Groups.FindOrCreate(ctx, acme, bigv.GroupCreate{Name: "new"}, bigv.WaitOptions{})
			require.NoError(t, err)
			assert.True(t, created)
			server.Inject(bigvtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"60"}}})
			for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, options) {
				require.NoError(t, err)
			}
		})
	}
}

// Programs that were refused at the same time do not return at the same time.
func TestRetryAfterIsSpread(t *testing.T) {
	for name, call := range map[string]func(context.Context, *bigv.Client) error{
		"Wait": func(ctx context.Context, client *bigv.Client) error {
			_, err := client.VirtualMachines.Wait(ctx, web.VirtualMachine("aaa"), bigv.PoweredOn, bigv.WaitOptions{})
			return err
		},
		"WaitAll": func(ctx context.Context, client *bigv.Client) error {
			paths := []bigv.VirtualMachinePath{web.VirtualMachine("aaa")}
			for _, err := range client.VirtualMachines.WaitAll(ctx, paths, bigv.PoweredOn, bigv.WaitOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"FindOrCreate": func(ctx context.Context, client *bigv.Client) error {
			_, _, err := client.Groups.FindOrCreate(ctx, acme, bigv.GroupCreate{Name: "new"}, bigv.WaitOptions{})
			return err
		},
		"a call that retries": func(ctx context.Context, client *bigv.Client) error {
			_, err := client.VirtualMachines.Get(ctx, web.VirtualMachine("aaa"))
			return err
		},
	} {
		for _, seconds := range []int{0, 20, 30, 60} {
			if seconds > 30 && name == "a call that retries" {
				continue // it fails instead
			}
			t.Run(fmt.Sprintf("%s, %d s", name, seconds), func(t *testing.T) {
				took := map[time.Duration]bool{}
				for range 20 {
					inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
						machinesOn(server, 3)
						refused := bigvtest.Fault{Status: 503}
						if seconds > 0 {
							refused.Header = http.Header{"Retry-After": {fmt.Sprint(seconds)}}
						}
						if name == "FindOrCreate" {
							refused.Method = "POST"
						}
						server.Inject(refused)
						started := time.Now()
						require.NoError(t, call(t.Context(), client))
						wait := time.Since(started)
						assert.GreaterOrEqual(t, wait.Seconds(), float64(seconds))
						assert.Less(t, wait.Seconds(), max(1, 1.1*float64(seconds))+0.1)
						took[wait] = true
					}, bigv.WithRetryPolicy(bigv.RetryPolicy{}))
				}
				assert.Greater(t, len(took), 15)
			})
		}
	}
}

// Machines that only they themselves can show to be provisioned are not listed in vain.
func TestWaitAllForProvisioning(t *testing.T) {
	for _, n := range []int{2, 20} {
		for name, until := range map[string]bigv.VirtualMachineCondition{
			"Provisioned": bigv.Provisioned,
			"provisioned and off": func(vm bigv.VirtualMachine) (bool, error) {
				return !vm.Provisioning && !vm.PowerOn || vm.PowerOn, nil
			},
		} {
			t.Run(fmt.Sprintf("%s, %d machines", name, n), func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
					server.Account("acme").Group("web")
					paths := createMachines(t, client, n, toWeb, byName)
					m.sent = nil
					waitForAll(t, client, paths, until)
					assert.Equal(t, 1, m.count("virtual_machines?"), "%q", m.sent)
					assert.Greater(t, m.count("virtual_machines/"), 3*n)
				})
			})
		}
	}
}

// Machines of the same name in several groups are distinguished, and one that is renamed meanwhile is found by its ID.
func TestWaitAllMatchesMachines(t *testing.T) {
	isOn := func(vm bigv.VirtualMachine) (bool, error) { return vm.PowerOn, nil }
	for style, option := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		t.Run(style, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
				var paths []bigv.VirtualMachinePath
				want := map[bigv.VirtualMachinePath]int{}
				for _, group := range []string{"aaa", "bbb", "ccc"} {
					server.Account("acme").Group(group)
					created := createMachines(t, client, 2, func(int) bigv.GroupPath { return acme.Group(group) }, byName)
					for _, path := range created {
						vm, err := client.VirtualMachines.Get(t.Context(), path)
						require.NoError(t, err)
						want[path] = vm.ID
					}
					paths = append(paths, created...)
				}
				renamed := false
				options := bigv.WaitOptions{OnPoll: func(p bigv.Poll) {
					if p.Number == 3 && !renamed {
						renamed = true
						_, err := client.VirtualMachines.Rename(t.Context(), bigv.VirtualMachineID(want[paths[1]]), "other")
						require.NoError(t, err)
					}
				}}
				got := map[bigv.VirtualMachinePath]int{}
				for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, isOn, options) {
					require.NoError(t, err, result.Path)
					got[result.Path] = result.VirtualMachine.ID
				}
				assert.Equal(t, want, got)
				assert.True(t, renamed)
			}, bigv.WithURLStyle(option))
		})
	}
}

// Discs are matched by their IDs and labels, with as few requests as possible in both styles.
func TestDiscsWaitAllMatchesDiscs(t *testing.T) {
	for style, option := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
		for _, by := range []string{"label", "ID", "both"} {
			t.Run(style+", by "+by, func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
					want := map[bigv.DiscPath]int{}
					for _, name := range []string{"www1", "www2"} {
						vm := server.Account("acme").Group("web").VirtualMachine(name)
						for _, label := range []string{"x", "y"} {
							disc, err := client.Discs.Create(t.Context(), vm.Path(), bigv.DiscCreate{Label: label, Size: 1024})
							require.NoError(t, err)
							if by != "ID" {
								want[web.VirtualMachine(name).Disc(label)] = disc.ID
							}
							if by != "label" {
								want[bigv.DiscID(disc.ID)] = disc.ID
							}
						}
					}
					var paths []bigv.DiscPath
					for path := range want {
						paths = append(paths, path)
					}
					m.sent = nil
					rounds := 0
					never := func(bigv.Disc) (bool, error) { return false, nil }
					got := map[bigv.DiscPath]int{}
					options := bigv.WaitOptions{Timeout: time.Minute, OnPoll: func(p bigv.Poll) { rounds = max(rounds, p.Number) }}
					for result, err := range client.Discs.WaitAll(t.Context(), paths, never, options) {
						require.ErrorIs(t, err, context.DeadlineExceeded)
						got[result.Path] = result.Disc.ID
					}
					assert.Equal(t, want, got)
					if style == "nested" && by == "label" {
						assert.Zero(t, m.count("vm_id"), "%q", m.sent)
					}
					assert.LessOrEqual(t, len(m.sent), 2*rounds+6, "%q", m.sent) // a list for each machine, and lookups in the first round
				}, bigv.WithURLStyle(option))
			})
		}
	}
}

// Machines of which only the ID is known, and whose groups are all different, are not looked for in many lists.
func TestWaitAllLooksForIDsInFewLists(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		var paths []bigv.VirtualMachinePath
		for i := range 30 {
			account := server.Account(fmt.Sprint("account", i))
			server.User("alice").Grant(bigv.AccountAdmin, account)
			vm := account.Group("web").VirtualMachine("www1")
			paths = append(paths, bigv.VirtualMachineID(vm.ID()))
		}
		m.sent = nil
		waitForAll(t, client, paths, bigv.PoweredOn)
		assert.LessOrEqual(t, len(m.sent), 30+3, "%q", m.sent)
	})
}

// A list that is read to find a machine by its ID is not in vain if others are in it.
func TestWaitAllLooksForIDsInEachList(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		var paths []bigv.VirtualMachinePath
		for i := range 40 {
			account := server.Account(fmt.Sprint("account", i/10))
			server.User("alice").Grant(bigv.AccountAdmin, account)
			paths = append(paths, bigv.VirtualMachineID(account.Group("web").VirtualMachine(fmt.Sprint("www", i)).ID()))
		}
		m.sent = nil
		waitForAll(t, client, paths, func(vm bigv.VirtualMachine) (bool, error) { return vm.PowerOn, nil })
		assert.LessOrEqual(t, len(m.sent), 2*4, "%q", m.sent)
	})
}

// What a list has shown is in the result also if the context ends before the machine itself could be read.
func TestWaitAllReturnsWhatTheListHasShown(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		ctx, cancel := context.WithCancel(t.Context())
		server.Inject(bigvtest.Fault{Path: webList + "/*", Times: -1, Status: 500, Match: func(*http.Request) bool {
			cancel()
			return true
		}})
		for result, err := range client.VirtualMachines.WaitAll(ctx, paths, bigv.PoweredOn, bigv.WaitOptions{}) {
			require.ErrorIs(t, err, context.Canceled)
			if result.Path == paths[0] {
				require.ErrorContains(t, err, "last seen: on")
				assert.True(t, result.VirtualMachine.PowerOn)
			}
		}
	})
}

// A result that comes after a long body of the loop is not from an old list.
func TestWaitAllReadsAnOldListAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		paths := machinesOn(server, 3)
		notDeleted := func(vm bigv.VirtualMachine) (bool, error) { return !vm.Deleted, nil }
		var deleted []bool
		options := bigv.WaitOptions{Timeout: 10 * time.Minute}
		for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, notDeleted, options) {
			deleted = append(deleted, result.VirtualMachine.Deleted)
			if len(deleted) == 1 {
				require.NoError(t, err)
				for _, path := range paths[1:] {
					require.NoError(t, client.VirtualMachines.Delete(t.Context(), path))
				}
				time.Sleep(time.Minute)
			} else {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		}
		assert.Equal(t, []bool{false, true, true}, deleted)
	})
}

// Several waits at the same time share nothing.
func TestWaitAllAtTheSameTime(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		server.Account("acme").Group("web")
		paths := createMachines(t, client, 4, toWeb, byName)
		all := client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, bigv.WaitOptions{})
		var waits sync.WaitGroup
		for range 3 {
			waits.Go(func() {
				var seen []bigv.VirtualMachinePath
				for result, err := range all {
					assert.NoError(t, err)
					seen = append(seen, result.Path)
				}
				assert.ElementsMatch(t, paths, seen)
			})
		}
		waits.Wait()
	})
}
