package bigv_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/bigvtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inMemory is a transport that calls a server without a network, for use in a bubble of testing/synctest. The clock of the server follows
// that of the bubble.
type inMemory struct {
	server *bigvtest.Server
	last   time.Time

	mu   sync.Mutex
	sent []string
}

func (m *inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.last.IsZero() || now.After(m.last) {
		if !m.last.IsZero() {
			m.server.Advance(now.Sub(m.last))
		}
		m.last = now
	}
	line := r.Method + " " + r.URL.Path
	if r.URL.RawQuery != "" {
		line += "?" + r.URL.RawQuery
	}
	m.sent = append(m.sent, line)
	if r = r.Clone(r.Context()); r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	m.server.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// count returns how many requests contain a text.
func (m *inMemory) count(text string) (n int) {
	for _, line := range m.sent {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// inBubble calls f in a bubble with a client of a new server.
func inBubble(t *testing.T, f func(*testing.T, *bigvtest.Server, *inMemory, *bigv.Client), opts ...bigv.Option) {
	t.Helper()
	server, err := bigvtest.Start() // a listener in the bubble would keep its time from advancing
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		defer server.Close()
		m := &inMemory{server: server}
		client := clientFor(t, server.URL(), append([]bigv.Option{bigv.WithToken(server.Token()), bigv.WithTransport(m)}, opts...)...)
		f(t, server, m, client)
	})
}

// createMachines creates n machines, which are provisioned and come on after 90 seconds.
func createMachines(t *testing.T, client *bigv.Client, n int, group func(int) bigv.GroupPath,
	path func(bigv.GroupPath, bigv.VirtualMachine) bigv.VirtualMachinePath) (paths []bigv.VirtualMachinePath) {
	t.Helper()
	for i := range n {
		create := newMachine(fmt.Sprint("node", i))
		vm, err := client.VirtualMachines.Create(t.Context(), group(i), create)
		require.NoError(t, err)
		paths = append(paths, path(group(i), vm))
	}
	return paths
}

// P13: 100 machines of a group come on after 90 seconds.
func TestWaitAllOfAGroup(t *testing.T) {
	byPath := func(_ bigv.GroupPath, vm bigv.VirtualMachine) bigv.VirtualMachinePath { return vm.Path() }
	byID := func(_ bigv.GroupPath, vm bigv.VirtualMachine) bigv.VirtualMachinePath {
		return bigv.VirtualMachineID(vm.ID)
	}
	for _, tt := range []struct {
		name   string
		path   func(bigv.GroupPath, bigv.VirtualMachine) bigv.VirtualMachinePath
		groups int
	}{
		{"by name", byName, 1}, {"by path", byPath, 1}, {"by ID", byID, 1},
		{"by name, in two groups", byName, 2}, {"by path, in two groups", byPath, 2}, {"by ID, in two groups", byID, 2},
	} {
		for style, option := range map[string]bigv.URLStyle{"nested": bigv.NestedURLs, "flat": bigv.FlatURLs} {
			t.Run(tt.name+", "+style, func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
					for i := range tt.groups {
						server.Account("acme").Group(fmt.Sprint("group", i))
					}
					group := func(i int) bigv.GroupPath { return acme.Group(fmt.Sprint("group", i%tt.groups)) }
					paths := createMachines(t, client, 100, group, tt.path)
					m.sent = nil
					var seen []bigv.VirtualMachinePath
					for result, err := range client.VirtualMachines.WaitAll(t.Context(), paths, bigv.PoweredOn, bigv.WaitOptions{}) {
						require.NoError(t, err)
						assert.True(t, result.VirtualMachine.PowerOn)
						assert.False(t, result.VirtualMachine.Provisioning)
						seen = append(seen, result.Path)
					}
					assert.ElementsMatch(t, paths, seen)
					assert.LessOrEqual(t, len(m.sent), 130)
					t.Log(len(m.sent), m.sent[:2])
				}, bigv.WithURLStyle(option))
			})
		}
	}
}

// The result does not wait for the other machines, and breaking the loop ends the wait.
func TestWaitAllYieldsResultsAsTheyCome(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		group := server.Account("acme").Group("web")
		on := group.VirtualMachine("already-on")
		paths := createMachines(t, client, 2, toWeb, byName)
		started := time.Now()
		polls := 0
		options := bigv.WaitOptions{OnPoll: func(bigv.Poll) { polls++ }}
		all := append(slices.Clone(paths), on.Path(), web.VirtualMachine("missing"), web.VirtualMachine("bad/../name\x00"))
		var order []string
		for result, err := range client.VirtualMachines.WaitAll(t.Context(), all, bigv.PoweredOn, options) {
			order = append(order, fmt.Sprint(result.Path.String(), " ", err == nil, " ", time.Since(started) > 30*time.Second))
			if wait, ok := errors.AsType[*bigv.WaitError](err); ok {
				assert.Contains(t, wait.Subject, result.Path.String())
			}
			if len(order) == 4 {
				break
			}
		}
		assert.Equal(t, []string{
			on.Path().String() + " true false", "bad%2F%2E%2E%2Fname%00.web.acme false false",
			"missing.web.acme false true", "node0.web.acme true true",
		}, order)
		assert.Greater(t, polls, 10)
	})
}

func TestWaitAllWithErrors(t *testing.T) {
	paths := []bigv.VirtualMachinePath{web.VirtualMachine("aaa"), web.VirtualMachine("bbb"), web.VirtualMachine("ccc")}
	collectErrors := func(t *testing.T, ctx context.Context, client *bigv.Client, until bigv.VirtualMachineCondition,
		options bigv.WaitOptions) (errs []error) {
		for result, err := range client.VirtualMachines.WaitAll(ctx, paths, until, options) {
			assert.Contains(t, paths, result.Path)
			errs = append(errs, err)
		}
		require.Len(t, errs, 3)
		return errs
	}
	t.Run("a list that the caller may not read", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Path: "/accounts/acme/groups/web/virtual_machines", Status: 403, Times: 1000})
			for _, err := range collectErrors(t, t.Context(), client, bigv.PoweredOn, bigv.WaitOptions{}) {
				require.NoError(t, err)
			}
			assert.Len(t, m.sent, 4, "one list, then each machine")
		})
	})
	t.Run("transient errors", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Status: 500, Times: 3})
			for _, err := range collectErrors(t, t.Context(), client, bigv.PoweredOn, bigv.WaitOptions{}) {
				require.NoError(t, err)
			}
			assert.Len(t, m.sent, 3+3, "lists, and then the machines")
		}, once)
	})
	t.Run("too many transient errors", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			server.Inject(bigvtest.Fault{Status: 500, Times: 1000})
			for _, err := range collectErrors(t, t.Context(), client, bigv.PoweredOn, bigv.WaitOptions{}) {
				require.ErrorIs(t, err, bigv.ErrServer)
			}
			assert.Len(t, m.sent, 10+3*3, "three machines in every third round")
		}, once)
	})
	t.Run("the timeout", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			for _, err := range collectErrors(t, t.Context(), client, bigv.Deleted, bigv.WaitOptions{Timeout: time.Minute}) {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			assert.Zero(t, m.count("virtual_machines/"), "the list shows that the machines are not deleted")
		})
	})
	t.Run("the condition can no longer be met", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			for _, err := range collectErrors(t, t.Context(), client, bigv.PoweredOff, bigv.WaitOptions{}) {
				require.ErrorContains(t, err, "autoreboot is on")
			}
		})
	})
	t.Run("a condition that depends on Provisioning", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			server.Account("acme").Group("web")
			created := createMachines(t, client, 3, toWeb, byName)
			provisioning := func(vm bigv.VirtualMachine) (bool, error) { return vm.Provisioning, nil }
			for result, err := range client.VirtualMachines.WaitAll(t.Context(), created, provisioning, bigv.WaitOptions{}) {
				require.NoError(t, err)
				assert.True(t, result.VirtualMachine.Provisioning)
			}
		})
	})
	t.Run("deleted machines", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
			machinesOn(server, 3)
			require.NoError(t, client.VirtualMachines.Delete(t.Context(), paths[0]))
			require.NoError(t, client.VirtualMachines.Delete(t.Context(), paths[1]))
			require.NoError(t, client.VirtualMachines.Purge(t.Context(), paths[2]))
			m.sent = nil
			for _, err := range collectErrors(t, t.Context(), client, bigv.Deleted, bigv.WaitOptions{}) {
				require.NoError(t, err)
			}
			assert.Len(t, m.sent, 2, "a list, and the machine that is not in it")
		})
	})
	t.Run("invalid arguments", func(t *testing.T) {
		client := clientFor(t, "http://localhost", bigv.WithToken("t0ken"))
		for _, err := range client.VirtualMachines.WaitAll(t.Context(), paths, nil, bigv.WaitOptions{}) {
			assert.ErrorContains(t, err, "wait for virtual machines: not sent: condition is nil")
		}
		var none context.Context
		for _, err := range client.VirtualMachines.WaitAll(none, paths, bigv.PoweredOn, bigv.WaitOptions{}) {
			assert.ErrorContains(t, err, "context is nil")
		}
		for range client.VirtualMachines.WaitAll(t.Context(), nil, bigv.PoweredOn, bigv.WaitOptions{}) {
			t.Error("there is nothing to wait for")
		}
	})
}

// Discs of one machine are polled with one list.
func TestDiscsWaitAll(t *testing.T) {
	inBubble(t, func(t *testing.T, server *bigvtest.Server, m *inMemory, client *bigv.Client) {
		vm := server.Account("acme").Group("web").VirtualMachine("www1")
		var paths []bigv.DiscPath
		for _, label := range []string{"a", "b", "c"} {
			disc, err := client.Discs.Create(t.Context(), vm.Path(), bigv.DiscCreate{Label: label, Size: 1024})
			require.NoError(t, err)
			paths = append(paths, vm.Path().Disc(label), bigv.DiscID(disc.ID))
		}
		m.sent = nil
		larger := func(d bigv.Disc) (bool, error) { return d.Size > 1024 || d.Label == "a", nil }
		var resized bool
		var results []bigv.DiscPath
		for result, err := range client.Discs.WaitAll(t.Context(), paths, larger, bigv.WaitOptions{OnPoll: func(p bigv.Poll) {
			if p.Number == 3 && !resized {
				resized = true
				for _, label := range []string{"b", "c"} {
					_, err := client.Discs.Resize(t.Context(), vm.Path().Disc(label), 2048)
					require.NoError(t, err)
				}
			}
		}}) {
			require.NoError(t, err)
			assert.NotZero(t, result.Disc.ID)
			results = append(results, result.Path)
		}
		assert.ElementsMatch(t, paths, results)
		assert.LessOrEqual(t, m.count("GET "), 8, "%q", m.sent)
	})
}
