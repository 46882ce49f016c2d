package bigv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// VMDefaults returns the rows of VMDefaultsService.
func (wireRows) VMDefaults() []wireRow {
	// created is a template without its password, so that it can be compared, and the password.
	type created struct {
		template bigv.VMDefault
		password string
	}
	create := func(template bigv.VMDefaultCreate) callFunc {
		return func(ctx context.Context, c *bigv.Client) (any, error) {
			d, err := c.VMDefaults.Create(ctx, template)
			password := ""
			if image := d.ServerSettings.Image; image != nil {
				password, image.RootPassword = image.RootPassword.Reveal(), bigv.Secret{}
			}
			return created{d, password}, err
		}
	}
	settings := bigv.VirtualMachineCreate{
		Cores: 1, Memory: 1024, Discs: []bigv.DiscCreate{{Size: 25600, StorageGrade: bigv.SATA}},
		Image: &bigv.Image{Distribution: "jessie", RootPassword: bigv.NewSecret("s3same")},
	}
	blog := bigv.VMDefaultCreate{Account: bigv.AccountID(41), Name: "small-blog", ServerSettings: settings}
	with := func(change func(*bigv.VMDefaultCreate)) bigv.VMDefaultCreate {
		template := blog
		change(&template)
		return template
	}
	made := bigv.VMDefault{
		ID: 3, AccountID: 41, Name: "small-blog",
		ServerSettings: bigv.VirtualMachineCreate{
			Cores: 1, Memory: 1024, Discs: []bigv.DiscCreate{{Size: 25600, StorageGrade: bigv.SATA}},
			Image: &bigv.Image{Distribution: "jessie"},
		},
	}
	const blogBody = `POST /vm_defaults {"account_id":41,"name":"small-blog","public":false,"server_settings":{` +
		`"virtual_machine":{"cores":1,"memory":1024},"discs":[{"size":25600,"storage_grade":"sata"}],` +
		`"reimage":{"distribution":"jessie","root_password":"s3same"}}}`

	return []wireRow{
		{
			name: "VMDefaults.Create by the account's ID reveals the secrets", call: create(blog),
			responses: responses{"POST /vm_defaults": "201 @vm_default.json"}, sent: []string{blogBody}, want: created{made, "s3same"},
		},
		{
			name: "VMDefaults.Create by the account's name looks up the ID", opts: flat,
			call:      create(with(func(d *bigv.VMDefaultCreate) { d.Account = acme })),
			responses: responses{"GET /accounts/acme": `{"id":41,"name":"acme"}`, "POST /vm_defaults": "@vm_default.json"},
			sent:      []string{"GET /accounts/acme", blogBody}, want: created{made, "s3same"},
		},
		{
			name: "VMDefaults.Create in the default account", opts: acmeDefault,
			call:      create(with(func(d *bigv.VMDefaultCreate) { d.Account = bigv.DefaultAccount })),
			responses: responses{"GET /accounts/acme": `{"id":41,"name":"acme"}`, "POST /vm_defaults": "@vm_default.json"},
			sent:      []string{"GET /accounts/acme", blogBody}, want: created{made, "s3same"},
		},
		{
			name: "VMDefaults.Create omits unset settings", want: created{template: bigv.VMDefault{ID: 4}},
			call:      create(bigv.VMDefaultCreate{Account: "41", Name: "empty", Public: true}),
			responses: responses{"POST /vm_defaults": `{"id":4,"server_settings":null}`},
			sent: []string{
				`POST /vm_defaults {"account_id":41,"name":"empty","public":true,"server_settings":{"virtual_machine":{}}}`,
			},
		},
		{
			name: "VMDefaults.Create: an empty response", call: create(blog), responses: responses{"POST /vm_defaults": "{}"},
			sent: []string{blogBody}, want: created{},
		},
		{
			name: "VMDefaults.Create: numbers as strings", call: create(blog), responses: responses{"POST /vm_defaults": `{"id":"3"}`},
			sent: []string{blogBody}, want: created{template: bigv.VMDefault{ID: 3}},
		},
		{
			name: "VMDefaults.Create: a response of a wrong type", call: create(blog),
			responses: responses{"POST /vm_defaults": `{"id":3,"server_settings":[]}`}, sent: []string{blogBody},
			wantErr: []any{bigv.ErrInvalidResponse, bigv.ErrOutcomeUnknown},
		},
		{
			name: "VMDefaults.Create is not retried", call: create(blog), responses: responses{"POST /vm_defaults": "504 "},
			sent: []string{blogBody}, wantErr: []any{bigv.ErrOutcomeUnknown, "small-blog"},
		},
		{
			name: "VMDefaults.Create: forbidden", call: create(blog), responses: responses{"POST /vm_defaults": "403 "},
			sent: []string{blogBody}, wantErr: []any{bigv.ErrForbidden},
		},

		{
			name: "VMDefaults.Create without an account", call: create(with(func(d *bigv.VMDefaultCreate) { d.Account = "" })),
			wantErr: []any{"account is required"},
		},
		{
			name: "VMDefaults.Create without a name", call: create(with(func(d *bigv.VMDefaultCreate) { d.Account, d.Name = acme, "" })),
			wantErr: []any{"name is required"},
		},
		{
			name: "VMDefaults.Create with IPs",
			call: create(with(func(d *bigv.VMDefaultCreate) {
				d.Account, d.ServerSettings.IPs = acme, &bigv.VirtualMachineIPs{}
			})),
			wantErr: []any{"ips must not be set"},
		},
		{
			name:    "VMDefaults.Create with negative memory",
			call:    create(with(func(d *bigv.VMDefaultCreate) { d.Account, d.ServerSettings.Memory = acme, -1 })),
			wantErr: []any{"-1 MiB"},
		},
		{
			name: "VMDefaults.Create with a disc without a size",
			call: create(with(func(d *bigv.VMDefaultCreate) {
				d.Account, d.ServerSettings.Discs = acme, []bigv.DiscCreate{{Size: 1}, {}}
			})),
			wantErr: []any{"discs[1]"},
		},
		{
			name: "VMDefaults.Create with an image without a distribution",
			call: create(with(func(d *bigv.VMDefaultCreate) {
				d.Account, d.ServerSettings.Image = acme, &bigv.Image{}
			})),
			wantErr: []any{"no distribution"},
		},
		{
			name: "VMDefaults.Create in an account called ..", call: create(with(func(d *bigv.VMDefaultCreate) { d.Account = ".." })),
			wantErr: []any{"is not allowed"},
		},
	}
}

func TestVMDefaultJSON(t *testing.T) {
	t.Parallel()
	template := bigv.VMDefault{
		ID: 3, AccountID: 41, Name: "small-blog", Public: true,
		ServerSettings: bigv.VirtualMachineCreate{
			Cores: 1, Discs: []bigv.DiscCreate{{Size: 25600}},
			Image: &bigv.Image{Distribution: "jessie", RootPassword: bigv.NewSecret("s3same")},
		},
	}
	text, err := json.Marshal(template)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":3,"account_id":41,"name":"small-blog","public":true,"server_settings":{"virtual_machine":{"cores":1},
		"discs":[{"size":25600}],"reimage":{"distribution":"jessie","root_password":"[redacted]"}}}`, string(text))
	assert.NotContains(t, fmt.Sprintf("%+v", template), "s3same")
	var back bigv.VMDefault
	require.NoError(t, json.Unmarshal(text, &back))
	template.ServerSettings.Image, back.ServerSettings.Image = nil, nil
	assert.Equal(t, template, back)
	assert.Error(t, json.Unmarshal([]byte(`{"id":{}}`), &back))
}
