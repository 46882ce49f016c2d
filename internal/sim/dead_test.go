package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
)

// A peer that vanishes without closing its connection does not keep the calls that use the connection waiting.
func TestDeadConnection(t *testing.T) {
	const limit = 30 * time.Second
	dead := []Fault{{Kind: Stall, Dir: ToServer, For: unbounded}} // so that nothing comes back either
	for _, test := range []struct {
		name    string
		call    func(*world) error
		unknown bool
	}{
		{"a read", func(w *world) error {
			_, err := w.client.Accounts.Get(w.ctx, acme)
			return err
		}, false},
		{"an idempotent write", func(w *world) error {
			_, err := w.client.VirtualMachines.Update(w.ctx, web.VirtualMachine("www1"), bigv.VirtualMachineUpdate{Cores: new(4)})
			return err
		}, false},
		{"a non-idempotent write", func(w *world) error {
			_, err := w.client.Groups.Create(w.ctx, acme, bigv.GroupCreate{Name: "db"})
			return err
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulate(t, config{http2: true}, func(w *world) {
				w.machine("www1")
				w.connect(true)
				w.begin(dead)
				began := time.Now()
				err := test.call(w)
				if test.unknown != errors.Is(err, bigv.ErrOutcomeUnknown) || !test.unknown && err != nil {
					t.Errorf("unexpected error: %v", err)
				}
				if elapsed := time.Since(began); elapsed > limit {
					t.Errorf("the call takes %s", elapsed)
				}
				began = time.Now()
				if _, err := w.client.Accounts.Get(w.ctx, acme); err != nil || time.Since(began) > time.Second {
					t.Errorf("the next call takes %s: %v", time.Since(began), err)
				}
			})
		})
	}
}
