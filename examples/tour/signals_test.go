//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

// TestMain runs the program itself if a test has started this binary for that.
func TestMain(m *testing.M) {
	if os.Getenv("TOUR_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Whatever ends the program, the machine is purged, or its name and how to remove it are printed.
func TestProgramCleansUp(t *testing.T) {
	isRead := func(r *http.Request) bool { // of the machine, after it was created
		return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/virtual_machines/")
	}
	isPurge := func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/virtual_machines/")
	}
	// A program inherits signals that are ignored, as those of a background job, but not those that are caught.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(caught)
	for name, tt := range map[string]struct {
		signals [2]os.Signal // sent at the first read and at the first purge
		hangs   string       // path of the POST that hangs after it was carried out, during which the first signal is sent
		closes  bool         // whether standard output is closed after the machine is announced
		faults  []bigvtest.Fault
		left    bool // whether the machine is left
		printed string
	}{
		"Ctrl-C":        {signals: [2]os.Signal{os.Interrupt}, printed: "interrupt signal received"},
		"SIGTERM":       {signals: [2]os.Signal{syscall.SIGTERM}, printed: "terminated signal received"},
		"SIGHUP":        {signals: [2]os.Signal{syscall.SIGHUP}, printed: "hangup signal received"},
		"SIGHUP twice":  {signals: [2]os.Signal{syscall.SIGHUP, syscall.SIGHUP}, printed: "hangup signal received"},
		"a closed pipe": {closes: true, printed: "broken pipe"},
		"Ctrl-C while the group is being created": {
			signals: [2]os.Signal{os.Interrupt}, hangs: "/accounts/acme/groups", printed: "interrupt signal received"},
		"SIGTERM while the machine is being created": {
			signals: [2]os.Signal{syscall.SIGTERM}, hangs: "/accounts/acme/groups/*/vm_create", printed: "terminated signal received"},
		"Ctrl-C and a closed pipe": {signals: [2]os.Signal{os.Interrupt}, closes: true},
		"Ctrl-C twice": {signals: [2]os.Signal{os.Interrupt, os.Interrupt}, left: true, printed: "second interrupt signal received",
			faults: []bigvtest.Fault{{Method: http.MethodDelete, Hang: true, Times: -1}}},
		"the purge fails": {signals: [2]os.Signal{os.Interrupt}, left: true,
			faults: []bigvtest.Fault{{Method: http.MethodDelete, Status: 403, Times: -1}}},
		"the purge is refused at first": {signals: [2]os.Signal{os.Interrupt},
			faults: []bigvtest.Fault{{Method: http.MethodDelete, Status: 400, Body: "not yet"}}},
		"the response to the purge is lost": {signals: [2]os.Signal{os.Interrupt},
			faults: []bigvtest.Fault{{Method: http.MethodDelete, DropAfter: true, Times: 2}}},
		"the response to the creation is lost": {printed: "outcome unknown",
			faults: []bigvtest.Fault{{Method: http.MethodPost, Path: "/accounts/acme/groups/*/vm_create", DropAfter: true}}},
		"the creation is lost": {printed: "outcome unknown",
			faults: []bigvtest.Fault{{Method: http.MethodPost, Path: "/accounts/acme/groups/*/vm_create", DropBefore: true}}},
		"the response to the creation of the group is lost": {printed: "outcome unknown",
			faults: []bigvtest.Fault{{Method: http.MethodPost, Path: "/accounts/acme/groups", DropAfter: true}}},
		"the creation of the group is lost": {printed: "outcome unknown",
			faults: []bigvtest.Fault{{Method: http.MethodPost, Path: "/accounts/acme/groups", DropBefore: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			before := srv.Account("acme").GroupNames()
			configure(t, srv)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Args = append(cmd.Args, "-write")
			cmd.Env = append(os.Environ(), "TOUR_TEST_MAIN=1")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)

			var first, second sync.Once
			started, closed := make(chan struct{}), make(chan struct{})
			srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
				<-started // each connection has a goroutine of its own, and cmd.Process was set in another
				if isRead(r) {
					<-closed
				}
				switch {
				case isRead(r) && tt.signals[0] != nil:
					first.Do(func() { cmd.Process.Signal(tt.signals[0]) })
				case isRead(r):
					srv.Advance(bigvtest.ProvisioningTime)
				case isPurge(r) && tt.signals[1] != nil:
					second.Do(func() { cmd.Process.Signal(tt.signals[1]) })
				}
				return false
			}})
			for _, f := range tt.faults {
				srv.Inject(f)
			}
			if tt.hangs != "" {
				interrupt := func(*http.Request) bool {
					<-started
					first.Do(func() { cmd.Process.Signal(tt.signals[0]) })
					return true
				}
				srv.Inject(bigvtest.Fault{Method: http.MethodPost, Path: tt.hangs, Hang: true, AfterWork: true, Match: interrupt})
			}
			require.NoError(t, cmd.Start())
			close(started)
			timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			defer timer.Stop()
			var output strings.Builder
			lines := bufio.NewReader(io.TeeReader(stdout, &output))
			for !strings.Contains(output.String(), "created group") {
				if _, err := lines.ReadString('\n'); err != nil {
					break
				}
			}
			if tt.closes {
				stdout.Close()
			}
			close(closed)
			io.Copy(io.Discard, lines)
			err = cmd.Wait()

			require.Error(t, err, "the exit status is not 0")
			assert.Equal(t, 1, cmd.ProcessState.ExitCode(), "the program ends in order: %v, %s", err, stderr.String())
			assert.Contains(t, stderr.String(), tt.printed)
			_, group, _ := strings.Cut(output.String(), "go run ./examples/clearout -yes ")
			group, _, _ = strings.Cut(group, "\n")
			assert.Regexp(t, `^tour-[a-z2-7]{10}\.acme$`, group, "how to remove the machine is printed before it is created")
			if tt.left {
				assert.NotEqual(t, before, srv.Account("acme").GroupNames())
				assert.Contains(t, stderr.String(), "machine www1."+group+" may still exist and be billed; remove it with\n"+
					"tour:   go run ./examples/clearout -yes "+group+"\n")
			} else {
				assert.Equal(t, before, srv.Account("acme").GroupNames(), stderr.String())
				assert.NotContains(t, stderr.String(), "may still exist")
			}
		})
	}
}
