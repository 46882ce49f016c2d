package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
)

func discRows() []wireRow {
	rows := inAllWays(discWays(),
		write{"Discs.Update", args{bigv.DiscUpdate{Size: new(102400)}}, `PUT {} {"size":102400}`},
		write{"Discs.Resize", args{102400}, `PUT {} {"size":102400}`},
		write{"Discs.Relabel", args{"system"}, `PUT {} {"label":"system"}`},
		write{"Discs.Move", args{bigv.VirtualMachineID(5013)}, `PUT {} {"virtual_machine_id":5013}`},
	)
	nested := discWays()[:len(discWays())-1]
	rows = append(rows, inAllWays(nested, write{"Discs.Purge", nil, "DELETE {}?purge=true"})...)
	rows = append(rows, inAllWays(machineWays(),
		write{"Discs.Create", args{bigv.DiscCreate{Size: 51200}}, `POST {}/discs {"size":51200}`},
		write{"Discs.Create with everything", args{bigv.DiscCreate{Label: "data", Size: 51200, StorageGrade: bigv.Archive}}, `POST {}/discs {"label":"data","size":51200,"storage_grade":"archive"}`},
	)...)
	list := func(fact string, vm bigv.VirtualMachinePath, opts []bigv.Option, sends ...string) wireRow {
		return wireRow{name: "Discs.List " + fact, args: args{bigv.DiscListOptions{VirtualMachine: vm}}, opts: opts, sends: sends}
	}
	update := func(fact string, u bigv.DiscUpdate, body string) wireRow {
		return wireRow{name: "Discs.Update " + fact, args: args{root, u}, sends: sends{"PUT " + rootURL + " " + body}}
	}
	disc := bigv.Disc{ID: 900, Label: "root", VirtualMachineID: 5012, Size: 25600}
	byName := answers{"GET /discs": "[" + disc900 + "]", "GET /virtual_machines": "[" + vm5012 + "]"}
	const findMachine = "GET /virtual_machines?account_name=acme&group_name=web&include_deleted=true"
	return append(rows,
		list("of a machine is nested", www1, nil, "GET "+www1URL+"/discs"),
		list("of a machine by IDs is nested", bigv.AccountID(41).Group("78").VirtualMachine("5012"), nil, "GET /accounts/41/groups/78/virtual_machines/5012/discs"),
		list("of a machine in the default account", bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1"), acmeDefault, "GET /accounts/acme/groups/default/virtual_machines/www1/discs"),
		list("of a machine by ID alone is flat", bigv.VirtualMachineID(5012), nil, "GET /discs?vm_id=5012"),
		list("of all is flat", bigv.VirtualMachinePath{}, nil, "GET /discs"),
		list("of a machine by names, flat", www1, flat, "GET /discs?account_name=acme&group_name=web&vm_name=www1"),
		list("of a machine by name below IDs, flat", bigv.AccountID(41).Group("78").VirtualMachine("www1"), flat, "GET /discs?account_id=41&group_id=78&vm_name=www1"),
		list("of a machine in the default account, flat", bigv.DefaultAccount.Group("web").VirtualMachine("www1"), append(flat, acmeDefault...), "GET /discs?account_name=acme&group_name=web&vm_name=www1"),
		list("of a machine by name below a group's ID alone", bigv.GroupID(78).VirtualMachine("www1"), nil, "GET /discs?group_id=78&vm_name=www1"),
		wireRow{name: "Discs.List by ID alone is held against it without another request", args: args{bigv.DiscListOptions{VirtualMachine: bigv.VirtualMachineID(5012)}}, answers: byName,
			sends: sends{"GET /discs?vm_id=5012"}, want: []bigv.Disc{disc}},
		wireRow{name: "Discs.List by names, flat, is held against the machine's ID", opts: flat, args: args{bigv.DiscListOptions{VirtualMachine: www1}}, answers: byName,
			sends: sends{"GET /discs?account_name=acme&group_name=web&vm_name=www1", findMachine}, want: []bigv.Disc{disc}},

		wireRow{name: "Discs.Get by label", args: args{root}, sends: sends{"GET " + rootURL}},
		wireRow{name: "Discs.Get by IDs in a path", args: args{bigv.AccountID(41).Group("78").VirtualMachine("5012").Disc("900")}, sends: sends{"GET /accounts/41/groups/78/virtual_machines/5012/discs/900"}},
		wireRow{name: "Discs.Get in the default account", opts: acmeDefault, args: args{bigv.DefaultAccount.DefaultGroup().VirtualMachine("www1").Disc("root")},
			sends: sends{"GET /accounts/acme/groups/default/virtual_machines/www1/discs/root"}},
		wireRow{name: "Discs.Get of an ID alone is flat", args: args{bigv.DiscID(900)}, sends: sends{"GET /discs/900"}, want: disc},
		wireRow{name: "Discs.Get by label on a machine by ID alone finds it on the list", args: args{bigv.VirtualMachineID(5012).Disc("root")}, answers: byName, sends: sends{"GET /discs?vm_id=5012"}, want: disc},
		wireRow{name: "Discs.Get by ID on a machine by ID alone is held against it", args: args{bigv.VirtualMachineID(5012).Disc("900")}, sends: sends{"GET /discs/900"}, want: disc},
		wireRow{name: "Discs.Get by label, flat, finds it on the list", opts: flat, args: args{root}, answers: byName,
			sends: sends{"GET /discs?account_name=acme&group_name=web&vm_name=www1", findMachine}, want: disc},
		wireRow{name: "Discs.Get by ID in a path, flat, is held against the machine", opts: flat, args: args{www1.Disc("900")}, answers: byName, sends: sends{"GET /discs/900", findMachine}, want: disc},

		update("of nothing", bigv.DiscUpdate{}, `{}`),
		update("of the grade", bigv.DiscUpdate{StorageGrade: new(bigv.SSD)}, `{"storage_grade":"ssd"}`),
		update("of the grade to empty text", bigv.DiscUpdate{StorageGrade: new(bigv.StorageGrade(""))}, `{"storage_grade":""}`),
		update("of the limit", bigv.DiscUpdate{IOPSLimit: new(500)}, `{"iops_limit":500}`),
		update("of the limit to zero", bigv.DiscUpdate{IOPSLimit: new(0)}, `{"iops_limit":0}`),
		update("of everything", bigv.DiscUpdate{Size: new(102400), StorageGrade: new(bigv.SSD), IOPSLimit: new(500)}, `{"size":102400,"storage_grade":"ssd","iops_limit":500}`),
		wireRow{name: "Discs.Move to a machine by name looks its ID up", args: args{root, web.VirtualMachine("www2")}, answers: answers{"GET " + webURL + "/virtual_machines/www2": `{"id":5013}`},
			sends: sends{"GET " + webURL + "/virtual_machines/www2", "PUT " + rootURL + ` {"virtual_machine_id":5013}`}},
		wireRow{name: "Discs.Move to a machine by name, flat, looks its ID up on the list", opts: flat, args: args{web.VirtualMachine("www2").Disc("root"), www1}, answers: byName,
			sends: sends{"GET /virtual_machines?account_name=acme&group_name=web", "PUT " + webURL + `/virtual_machines/www2/discs/root {"virtual_machine_id":5012}`}},
		wireRow{name: "Discs.Purge of an ID alone is flat", args: args{bigv.DiscID(900)}, sends: sends{"DELETE /discs/900?purge=true"}},
		wireRow{name: "Discs.Resolve of a full path", args: args{root}, want: root},
		wireRow{name: "Discs.Resolve of an ID alone", args: args{bigv.DiscID(900)}, sends: sends{"GET /discs/900", "GET /virtual_machines/5012?include_deleted=true"},
			want: acme.Group("78").VirtualMachine("5012").Disc("900")},
		wireRow{name: "Discs.Resolve on a machine by ID alone", args: args{bigv.VirtualMachineID(5012).Disc("root")}, sends: sends{"GET /virtual_machines/5012?include_deleted=true"},
			want: acme.Group("78").VirtualMachine("5012").Disc("root")},
		wireRow{name: "Discs.Wait looks at once", args: args{bigv.DiscID(900), bigv.Restored, bigv.WaitOptions{}}, sends: sends{"GET /discs/900"}, want: disc},
		wireRow{name: "Discs.Wait looks until it is back", args: args{root, bigv.Restored, atOnce}, answers: answers{"GET " + rootURL: `{"id":900,"storage_grade":"iceberg","new_storage_grade":"sata"}` + then + disc900},
			sends: sends{"GET " + rootURL, "GET " + rootURL}, want: disc},
	)
}

func TestDiscsOnTheWire(t *testing.T) { runWire(t, discRows()) }
