package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The path of the default group says "default" even if the group has another name.
func TestDefaultGroupWithAnotherName(t *testing.T) {
	client := start(t, fakeserver.Table(t, fakeserver.Responses{
		"GET /virtual_machines":              `[{"id":5012,"group_id":77,"name":"www1","hostname":"www1.main.acme.uk0.bigv.io"}]`,
		"GET /groups":                        `[{"id":77,"account_id":41,"name":"main"}]`,
		"GET /accounts/acme/groups/default":  `{"id":77,"account_id":41,"name":"main"}`,
		"GET /accounts/other/groups/default": `{"id":90,"account_id":42,"name":"main"}`,
	}), flat...)
	group, err := client.Groups.Get(t.Context(), acme.DefaultGroup())
	require.NoError(t, err)
	assert.Equal(t, 77, group.ID)
	vm, err := client.VirtualMachines.Get(t.Context(), acme.DefaultGroup().VirtualMachine("www1"))
	require.NoError(t, err)
	assert.Equal(t, 5012, vm.ID)
	options := bigv.VirtualMachineListOptions{Group: bigv.AccountPath("other").DefaultGroup()}
	_, err = client.VirtualMachines.List(t.Context(), options)
	assert.ErrorIs(t, err, bigv.ErrFilterIgnored, "the listed machine is in the default group of another account")
}
