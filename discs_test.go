package bigv_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/require"
)

// Discs returns the rows of DiscsService.
func (wireRows) Discs() []wireRow { return slices.Concat(discRows(), discRefusedRows()) }

func discRows() []wireRow {
	rows := inAllVariants(append(discPathVariants(), discPathVariantByIDAlone), []variantRow[bigv.DiscPath]{
		{
			"Discs.Update", func(p bigv.DiscPath) callFunc { return discsUpdate(p, bigv.DiscUpdate{Size: new(102400)}) },
			`PUT {} {"size":102400}`,
		},
		{"Discs.Resize", func(p bigv.DiscPath) callFunc { return discsResize(p, 102400) }, `PUT {} {"size":102400}`},
		{"Discs.Relabel", func(p bigv.DiscPath) callFunc { return discsRelabel(p, "system") }, `PUT {} {"label":"system"}`},
		{
			"Discs.Move", func(p bigv.DiscPath) callFunc { return discsMove(p, bigv.VirtualMachineID(5013)) },
			`PUT {} {"virtual_machine_id":5013}`,
		},
	})
	rows = append(rows, inAllVariants(discPathVariants(), []variantRow[bigv.DiscPath]{
		{"Discs.Purge", discsPurge, "DELETE {}?purge=true"},
	})...)
	rows = append(rows, inAllVariants(vmPathVariants(), []variantRow[bigv.VirtualMachinePath]{
		{
			"Discs.Create", func(p bigv.VirtualMachinePath) callFunc { return discsCreate(p, bigv.DiscCreate{Size: 51200}) },
			`POST {}/discs {"size":51200}`,
		},
		{
			"Discs.Create with everything",
			func(p bigv.VirtualMachinePath) callFunc {
				return discsCreate(p, bigv.DiscCreate{Label: "data", Size: 51200, StorageGrade: bigv.Archive})
			},
			`POST {}/discs {"label":"data","size":51200,"storage_grade":"archive"}`,
		},
	})...)
	data := bigv.DiscCreate{Label: "data", Size: 51200}
	rows = append(rows, wireRow{
		name: "Discs.FindOrCreate finds", call: discsFindOrCreate(www1, data),
		responses: responses{"GET " + www1URL + "/discs/data": `{"id":9002,"label":"data"}`},
		sent:      []string{"GET " + www1URL + "/discs/data"}, want: foundOrCreated{bigv.Disc{ID: 9002, Label: "data"}, false},
	}, wireRow{
		name: "Discs.FindOrCreate creates", call: discsFindOrCreate(www1, data),
		responses: responses{"GET " + www1URL + "/discs/data": "404"},
		sent:      []string{"GET " + www1URL + "/discs/data", "POST " + www1URL + `/discs {"label":"data","size":51200}`},
		want:      foundOrCreated{bigv.Disc{ID: 1}, true},
	})
	list := func(name string, vm bigv.VirtualMachinePath, opts []bigv.Option, sent ...string) wireRow {
		row := wireRow{
			name: "Discs.List " + name, call: discsList(bigv.DiscListOptions{VirtualMachine: vm}),
			all: discsAll(bigv.DiscListOptions{VirtualMachine: vm}), opts: opts, sent: sent,
			responses: responses{"GET /virtual_machines": "[" + vm5012 + "]"},
		}
		if query, ok := strings.CutPrefix(sent[0], "GET /discs?"); ok && strings.HasSuffix(query, "&vm_name=www1") {
			row.allFirst = []string{"GET /virtual_machines?" + strings.TrimSuffix(query, "&vm_name=www1") + "&include_deleted=true"}
			if strings.Contains(query, "account_id=41") {
				row.allFirst = append(row.allFirst, "GET /accounts/41") // the machine is verified too
			}
		}
		return row
	}
	update := func(name string, u bigv.DiscUpdate, body string) wireRow {
		return wireRow{name: "Discs.Update " + name, call: discsUpdate(root, u), sent: []string{"PUT " + rootURL + " " + body}}
	}
	disc := bigv.Disc{ID: 900, Label: "root", VirtualMachineID: 5012, Size: 25600}
	byName := responses{"GET /discs": "[" + fakeserver.Disc900 + "]", "GET /virtual_machines": "[" + vm5012 + "]"}
	const findMachine = "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"
	return append(rows,
		list("of a machine is nested", www1, nil, "GET "+www1URL+"/discs"),
		list("of a machine by IDs is nested", bigv.AccountID(41).Group("78").VirtualMachine("5012"), nil,
			"GET /accounts/41/groups/78/virtual_machines/5012/discs"),
		list("of a machine in the default account", bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1"), acmeDefault,
			"GET /accounts/acme/groups/default/virtual_machines/www1/discs"),
		list("of a machine by ID alone is flat", bigv.VirtualMachineID(5012), nil, "GET /discs?vm_id=5012"),
		list("of all is flat", bigv.VirtualMachinePath{}, nil, "GET /discs"),
		list("of a machine by names, flat", www1, flat, "GET /discs?account_name=acme&group_name=web&vm_name=www1"),
		list("of a machine by name below IDs, flat", bigv.AccountID(41).Group("78").VirtualMachine("www1"), flat,
			"GET /discs?account_id=41&group_id=78&vm_name=www1"),
		list("of a machine in the default account, flat", bigv.DefaultAccount.Group("web").VirtualMachine("www1"),
			flatDefault, "GET /discs?account_name=acme&group_name=web&vm_name=www1"),
		list("of a machine by name below a group's ID alone", bigv.GroupID(78).VirtualMachine("www1"), nil,
			"GET /discs?group_id=78&vm_name=www1"),
		wireRow{
			name: "Discs.List by ID alone is verified without another request",
			call: discsList(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}),
			all:  discsAll(bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}), responses: byName,
			sent: []string{"GET /discs?vm_id=5012"}, want: []bigv.Disc{disc},
		},
		wireRow{
			name: "Discs.List by names, flat, is verified by the machine's ID", opts: flat,
			call: discsList(bigv.DiscListOptions{VirtualMachine: www1}), all: discsAll(bigv.DiscListOptions{VirtualMachine: www1}),
			responses: byName, sent: []string{"GET /discs?account_name=acme&group_name=web&vm_name=www1", findMachine},
			want: []bigv.Disc{disc}, allFirst: []string{findMachine},
		},

		wireRow{name: "Discs.Get by label", call: discsGet(root), sent: []string{"GET " + rootURL}},
		wireRow{
			name: "Discs.Get by IDs in a path", call: discsGet(bigv.AccountID(41).Group("78").VirtualMachine("5012").Disc("900")),
			sent: []string{"GET /accounts/41/groups/78/virtual_machines/5012/discs/900"},
		},
		wireRow{
			name: "Discs.Get in the default account", opts: acmeDefault,
			call: discsGet(bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1").Disc("root")),
			sent: []string{"GET /accounts/acme/groups/default/virtual_machines/www1/discs/root"},
		},
		wireRow{name: "Discs.Get by ID alone is flat", call: discsGet(bigv.DiscID(900)), sent: []string{"GET /discs/900"}, want: disc},
		wireRow{
			name: "Discs.Get by label on a machine by ID alone finds it in the list",
			call: discsGet(bigv.VirtualMachineID(5012).Disc("root")), responses: byName, sent: []string{"GET /discs?vm_id=5012"},
			want: disc,
		},
		wireRow{
			name: "Discs.Get by ID on a machine by ID alone is verified by the machine",
			call: discsGet(bigv.VirtualMachineID(5012).Disc("900")),
			sent: []string{"GET /discs/900"}, want: disc,
		},
		wireRow{
			name: "Discs.Get by label, flat, finds it in the list", opts: flat, call: discsGet(root), responses: byName,
			sent: []string{"GET /discs?account_name=acme&group_name=web&vm_name=www1", findMachine}, want: disc,
		},
		wireRow{
			name: "Discs.Get by ID in a path, flat, is verified by the machine", opts: flat, call: discsGet(www1.Disc("900")),
			responses: byName, sent: []string{"GET /discs/900", findMachine}, want: disc,
		},

		update("of the grade", bigv.DiscUpdate{StorageGrade: new(bigv.SSD)}, `{"storage_grade":"ssd"}`),
		update("of the grade to an empty string", bigv.DiscUpdate{StorageGrade: new(bigv.StorageGrade(""))}, `{"storage_grade":""}`),
		update("of the limit", bigv.DiscUpdate{IOPSLimit: new(500)}, `{"iops_limit":500}`),
		update("of the limit to zero", bigv.DiscUpdate{IOPSLimit: new(0)}, `{"iops_limit":0}`),
		update("of everything", bigv.DiscUpdate{Size: new(102400), StorageGrade: new(bigv.SSD), IOPSLimit: new(500)},
			`{"size":102400,"storage_grade":"ssd","iops_limit":500}`),
		wireRow{
			name: "Discs.Move to a machine by name looks up its ID", call: discsMove(root, web.VirtualMachine("www2")),
			responses: responses{"GET " + webURL + "/virtual_machines/www2": `{"id":5013}`},
			sent:      []string{"GET " + webURL + "/virtual_machines/www2", "PUT " + rootURL + ` {"virtual_machine_id":5013}`},
		},
		wireRow{
			name: "Discs.Move to a machine by name, flat, finds its ID in the list", opts: flat,
			call: discsMove(web.VirtualMachine("www2").Disc("root"), www1), responses: byName,
			sent: []string{
				"GET /virtual_machines?account_name=acme&group_name=web",
				"PUT " + webURL + `/virtual_machines/www2/discs/root {"virtual_machine_id":5012}`,
			},
		},
		wireRow{
			name: "Discs.Purge by ID alone is flat", call: discsPurge(bigv.DiscID(900)),
			sent: []string{"DELETE /discs/900?purge=true"},
		},
		wireRow{name: "Discs.Resolve of a full path", call: discsResolve(root), want: root},
		wireRow{
			name: "Discs.Resolve by ID alone", call: discsResolve(bigv.DiscID(900)),
			sent: []string{"GET /discs/900", "GET /virtual_machines/5012?include_deleted=true"},
			want: acme.Group("78").VirtualMachine("5012").Disc("900"),
		},
		wireRow{
			name: "Discs.Resolve on a machine by ID alone", call: discsResolve(bigv.VirtualMachineID(5012).Disc("root")),
			sent: []string{"GET /virtual_machines/5012?include_deleted=true"}, want: acme.Group("78").VirtualMachine("5012").Disc("root"),
		},
		wireRow{
			name: "Discs.Wait polls at once", call: discsWait(bigv.DiscID(900), bigv.Restored, bigv.WaitOptions{}),
			sent: []string{"GET /discs/900"}, want: disc,
		},
		wireRow{
			name: "Discs.Wait polls until the disc is restored", call: discsWait(root, bigv.Restored, quickWait),
			responses: responses{
				"GET " + rootURL: fakeserver.Sequence(
					`{"id":900,"storage_grade":"iceberg","new_storage_grade":"sata"}`, fakeserver.Disc900,
				),
			},
			sent: []string{"GET " + rootURL, "GET " + rootURL}, want: disc,
		},
		wireRow{
			name: "Discs.WaitAll polls a list", call: discsWaitAll([]bigv.DiscPath{root, www1.Disc("901")}, bigv.Restored, quickWait),
			responses: responses{"GET " + www1URL + "/discs": `[` + fakeserver.Disc900 + `,{"id":901,"label":"data"}]`},
			sent:      []string{"GET " + www1URL + "/discs"},
			want:      []bigv.DiscResult{{Path: root, Disc: disc}, {Path: www1.Disc("901"), Disc: bigv.Disc{ID: 901, Label: "data"}}},
		},
	)
}

// discRefusedRows returns rows of calls that are refused before anything is sent.
func discRefusedRows() []wireRow {
	return []wireRow{
		{
			name: "Discs.FindOrCreate without a label", call: discsFindOrCreate(www1, bigv.DiscCreate{Size: 50}),
			wantErr: []any{"label is required"},
		},
		{
			name: "Discs.FindOrCreate with a backup schedule", wantErr: []any{"schedule"},
			call: discsFindOrCreate(www1, bigv.DiscCreate{Label: "data", Size: 50, BackupSchedules: everything.Discs[0].BackupSchedules}),
		},
		{
			name: "Discs.Create without a size", call: discsCreate(www1, bigv.DiscCreate{}),
			wantErr: []any{"size must be positive, got 0 MiB"},
		},
		{
			name: "Discs.Create with a negative size", call: discsCreate(www1, bigv.DiscCreate{Size: -50}),
			wantErr: []any{"size must be positive, got -50 MiB"},
		},
		{
			name: "Discs.Create with a label of digits", call: discsCreate(www1, bigv.DiscCreate{Label: "77", Size: 50}),
			wantErr: []any{"all digits"},
		},
		{
			name:    "Discs.Create with a backup schedule, which only a new machine can have",
			call:    discsCreate(www1, bigv.DiscCreate{Size: 50, BackupSchedules: everything.Discs[0].BackupSchedules}),
			wantErr: []any{"schedule"},
		},
		{name: "Discs.Update to size 0", call: discsUpdate(root, bigv.DiscUpdate{Size: new(0)}), wantErr: []any{"must be positive"}},
		{name: "Discs.Resize to 0", call: discsResize(root, 0), wantErr: []any{"must be positive"}},
		{name: "Discs.Resize to a negative size", call: discsResize(root, -1), wantErr: []any{"must be positive"}},
		{name: "Discs.Relabel to digits", call: discsRelabel(root, "77"), wantErr: []any{"all digits"}},
		{name: "Discs.Relabel to an empty string", call: discsRelabel(root, ""), wantErr: []any{"is empty"}},
		{name: "Discs.Wait without a condition", call: discsWait(root, nil, quickWait), wantErr: []any{"nil"}},
		{
			name:    "Discs.Purge in the default account, if none is set",
			call:    discsPurge(bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1").Disc("root")),
			wantErr: []any{"no default account is set"},
		},
	}
}

// Discs sets the attributes of the disc that only staff can set.
func (s fullServer) Discs(t *testing.T) {
	staff := s.srv.User("carol")
	staff.Grant(bigv.ClusterAdmin, nil)
	require.NoError(t, just(staff.Client().Discs.Update(t.Context(), root, bigv.DiscUpdate{IOPSLimit: new(500)})))
}

// The functions below return a call of the DiscsService method in their name, for rows.

func discsList(options bigv.DiscListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.List(ctx, options) }
}

func discsAll(options bigv.DiscListOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return collect(c.Discs.All(ctx, options)) }
}

func discsGet(disc bigv.DiscPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Get(ctx, disc) }
}

func discsCreate(vm bigv.VirtualMachinePath, disc bigv.DiscCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Create(ctx, vm, disc) }
}

func discsFindOrCreate(vm bigv.VirtualMachinePath, disc bigv.DiscCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		d, created, err := c.Discs.FindOrCreate(ctx, vm, disc, quickWait)
		return foundOrCreated{d, created}, err
	}
}

func discsUpdate(disc bigv.DiscPath, update bigv.DiscUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Update(ctx, disc, update) }
}

func discsResize(disc bigv.DiscPath, size int) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Resize(ctx, disc, size) }
}

func discsRelabel(disc bigv.DiscPath, label string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Relabel(ctx, disc, label) }
}

func discsMove(disc bigv.DiscPath, to bigv.VirtualMachinePath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Move(ctx, disc, to) }
}

func discsPurge(disc bigv.DiscPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Discs.Purge(ctx, disc) }
}

func discsResolve(disc bigv.DiscPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Resolve(ctx, disc) }
}

func discsWait(disc bigv.DiscPath, until bigv.DiscCondition, options bigv.WaitOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Discs.Wait(ctx, disc, until, options) }
}

func discsWaitAll(discs []bigv.DiscPath, until bigv.DiscCondition, options bigv.WaitOptions) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return collect(c.Discs.WaitAll(ctx, discs, until, options))
	}
}
