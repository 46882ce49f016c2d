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
	if os.Getenv("PROBE_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Whatever ends the program, what it made is removed, or how to remove it is printed.
func TestProgramCleansUp(t *testing.T) {
	// A program inherits signals that are ignored, as those of a background job, but not those that are caught.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(caught)
	for name, tt := range map[string]struct {
		signals [2]os.Signal // sent at the creation of the machine and at the first purge
		closes  bool         // whether standard output is closed at the creation
		hang    bool         // whether the purge gets no response
		want    string       // on standard error
	}{
		"Ctrl-C":        {signals: [2]os.Signal{os.Interrupt}, want: "interrupt signal received"},
		"SIGTERM":       {signals: [2]os.Signal{syscall.SIGTERM}, want: "terminated signal received"},
		"SIGHUP twice":  {signals: [2]os.Signal{syscall.SIGHUP, syscall.SIGHUP}, want: "hangup signal received"},
		"a closed pipe": {closes: true, want: "broken pipe"},
		"Ctrl-C twice":  {signals: [2]os.Signal{os.Interrupt, os.Interrupt}, hang: true, want: "second interrupt signal received"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := bigvtest.NewServer(t)
			configure(t, srv)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Args = append(cmd.Args, "-write", "-yes", "-run", "group gets 200|vm_create")
			cmd.Env = append(os.Environ(), "PROBE_TEST_MAIN=1")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)

			started := make(chan struct{})
			var once [2]sync.Once
			send := func(i int) {
				once[i].Do(func() {
					<-started
					if tt.signals[i] != nil {
						cmd.Process.Signal(tt.signals[i])
					}
					if i == 0 && tt.closes {
						stdout.Close()
					}
				})
			}
			srv.Inject(bigvtest.Fault{Match: func(r *http.Request) bool {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/vm_create") {
					send(0)
					if tt.signals[0] != nil {
						<-r.Context().Done() // so that the program handles the first signal before the second is sent
					}
				}
				if r.Method == http.MethodDelete {
					send(1)
				}
				return tt.hang && r.Method == http.MethodDelete
			}, Hang: true, Times: -1})
			require.NoError(t, cmd.Start())
			close(started)
			timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
			defer timer.Stop()
			io.Copy(io.Discard, bufio.NewReader(stdout))
			err = cmd.Wait()

			require.Error(t, err, "the exit status is not 0")
			assert.Equal(t, 1, cmd.ProcessState.ExitCode(), "the program ends in order: %v, %s", err, stderr.String())
			assert.Contains(t, stderr.String(), tt.want)
			_, group, _ := strings.Cut(stderr.String(), "go run ./examples/clearout -yes ")
			group, _, _ = strings.Cut(group, "\n")
			assert.Regexp(t, `^probe-[a-z2-7]{12}\.acme$`, group, "how to remove the machine is printed before it is created")
			if tt.hang {
				assert.Len(t, srv.Account("acme").GroupNames(), 3)
				assert.Contains(t, stderr.String(), "probe: group "+group+" may still exist, with a machine that is billed")
			} else {
				assert.Equal(t, []string{"default", "web"}, srv.Account("acme").GroupNames(), stderr.String())
				assert.NotContains(t, stderr.String(), "may still exist")
			}
		})
	}
}
