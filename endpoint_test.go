package bigv

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A path is complete if it has as many segments as the template of its URL has placeholders.
func TestIsComplete(t *testing.T) {
	groups := []GroupPath{{}, GroupID(1), AccountPath("acme").Group("web"), AccountPath("").Group("web")}
	vms := []VirtualMachinePath{{}, VirtualMachineID(2)}
	for _, group := range groups {
		checkIsComplete(t, group, isComplete(group))
		vms = append(vms, group.VirtualMachine("www1"))
	}
	discs, nics := []DiscPath{{}, DiscID(3)}, []NICPath{{}, NICID(4)}
	for _, vm := range vms {
		checkIsComplete(t, vm, isComplete(vm))
		discs, nics = append(discs, vm.Disc("disc-1")), append(nics, vm.NIC(4))
	}
	for _, nic := range nics {
		checkIsComplete(t, nic, isComplete(nic))
	}
	backups := []BackupPath{{}, BackupID(5)}
	for _, disc := range discs {
		checkIsComplete(t, disc, isComplete(disc))
		backups = append(backups, disc.Backup("backup-1"))
	}
	for _, backup := range backups {
		checkIsComplete(t, backup, isComplete(backup))
	}
}

func checkIsComplete(t *testing.T, p resourcePath, got bool) {
	t.Helper()
	segments := p.segments()
	assert.Equal(t, segments.n == p.kind().depth, got, "%#v", p)
	if segments.n > 0 {
		assert.Equal(t, segments.list[0], p.Name(), "%#v", p)
	}
}
