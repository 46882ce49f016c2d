package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bigv-go/bigv"
)

// spec describes a virtual machine. It contains no password.
type spec struct {
	Group        bigv.GroupPath `yaml:"group"`
	Name         string         `yaml:"name"`
	Cores        int            `yaml:"cores"`
	Memory       int            `yaml:"memory"` // MiB
	Zone         string         `yaml:"zone"`
	Distribution string         `yaml:"distribution"`
	SSHKeys      []string       `yaml:"ssh_keys"`
	Discs        []disc         `yaml:"discs"`
}

type disc struct {
	Label        string            `yaml:"label"`
	Size         int               `yaml:"size"` // MiB
	StorageGrade bigv.StorageGrade `yaml:"storage_grade"`
	Backups      []backup          `yaml:"backups"`
}

type backup struct {
	Every   time.Duration `yaml:"every"`
	StartAt string        `yaml:"start_at"` // time of day in the United Kingdom, such as 03:00
	Keep    int           `yaml:"keep"`
}

// parseSpec parses and validates YAML. JSON is valid YAML, so it accepts both.
func parseSpec(text []byte) (s spec, err error) {
	if err := decode(text, &s); err != nil {
		return s, err
	}
	var errs []error
	if s.Group.IsZero() || s.Name == "" {
		errs = append(errs, errors.New("group and name are required"))
	}
	if s.Distribution == "" {
		errs = append(errs, errors.New("distribution is required, such as stretch"))
	}
	if s.Cores < 0 || s.Memory < 0 {
		errs = append(errs, errors.New("cores and memory must not be negative"))
	}
	for i, key := range s.SSHKeys {
		if err := checkKey(key); err != nil {
			errs = append(errs, fmt.Errorf("ssh_keys[%d] %w", i, err))
		}
		s.SSHKeys[i] = strings.TrimSpace(key)
	}
	if len(s.Discs) == 0 {
		errs = append(errs, errors.New("at least one disc is required"))
	}
	labels := map[string]bool{}
	for i, d := range s.Discs {
		// Existing discs are found by their labels.
		if d.Label == "" || labels[d.Label] {
			errs = append(errs, fmt.Errorf("discs[%d] needs a unique label", i))
		}
		labels[d.Label] = true
		if d.Size < 1 {
			errs = append(errs, fmt.Errorf("discs[%d] needs a size in MiB", i))
		}
		every := map[time.Duration]bool{}
		for j, b := range d.Backups {
			switch {
			case b.Every < time.Second || b.Every%time.Second != 0 || every[b.Every]:
				errs = append(errs, fmt.Errorf("discs[%d].backups[%d] needs a unique interval, such as every: 24h", i, j))
			case b.Keep < 1:
				errs = append(errs, fmt.Errorf("discs[%d].backups[%d] must keep at least 1 backup", i, j))
			}
			every[b.Every] = true
		}
	}
	return s, errors.Join(errs...)
}

func (s spec) path() bigv.VirtualMachinePath { return s.Group.VirtualMachine(s.Name) }

// acceptsKeys reports whether the SSH keys are a way to log in. They are not used on Windows.
func (s spec) acceptsKeys() bool {
	return len(s.SSHKeys) > 0 && !strings.HasPrefix(s.Distribution, "win")
}

// String describes the machine, for the user to see before it is created.
func (s spec) String() string {
	text := fmt.Sprintf("%s with %s", s.path(), s.Distribution)
	if s.Cores != 0 {
		text += fmt.Sprintf(", cores: %d", s.Cores)
	}
	if s.Memory != 0 {
		text += fmt.Sprintf(", memory: %d MiB", s.Memory)
	}
	for _, d := range s.Discs {
		text += fmt.Sprintf(", disc %s: %d MiB", d.Label, d.Size)
	}
	return text
}

func (s spec) create(rootPassword bigv.Secret) bigv.VirtualMachineCreate {
	vm := bigv.VirtualMachineCreate{
		Name: s.Name, Cores: s.Cores, Memory: s.Memory, ZoneName: s.Zone,
		PowerOn: new(true), AutorebootOn: new(true),
		Image: &bigv.Image{Distribution: s.Distribution, RootPassword: rootPassword, SSHPublicKey: strings.Join(s.SSHKeys, "\n")},
	}
	for _, d := range s.Discs {
		create := d.create()
		for _, b := range d.Backups {
			create.BackupSchedules = append(create.BackupSchedules, b.schedule())
		}
		vm.Discs = append(vm.Discs, create)
	}
	return vm
}

func (d disc) create() bigv.DiscCreate {
	return bigv.DiscCreate{Label: d.Label, Size: d.Size, StorageGrade: d.StorageGrade}
}

func (b backup) schedule() bigv.BackupSchedule {
	return bigv.BackupSchedule{StartAt: bigv.Timestamp(b.StartAt), Interval: b.Every, Capacity: b.Keep}
}

// differences returns how a machine differs from the spec. It ignores what the spec does not set, and missing discs
// and backup schedules, which can be added.
func (s spec) differences(vm bigv.VirtualMachine) (list []string) {
	differ := func(attribute string, got, want any) {
		list = append(list, clean(fmt.Sprintf("%s: got %v, want %v", attribute, got, want)))
	}
	if s.Cores != 0 && s.Cores != vm.Cores {
		differ("cores", vm.Cores, s.Cores)
	}
	if s.Memory != 0 && s.Memory != vm.Memory {
		differ("memory", vm.Memory, s.Memory)
	}
	if s.Zone != "" && s.Zone != vm.ZoneName {
		differ("zone", vm.ZoneName, s.Zone)
	}
	if vm.LastImagedWith != "" && s.Distribution != vm.LastImagedWith {
		differ("distribution", vm.LastImagedWith, s.Distribution)
	}
	if !vm.PowerOn && !vm.AutorebootOn {
		differ("power", "off", "on")
	}
	for _, wanted := range s.Discs {
		d, ok := wanted.find(vm)
		if !ok {
			continue
		}
		if wanted.Size != d.Size {
			differ("size of disc "+d.Label, d.Size, wanted.Size)
		}
		if wanted.StorageGrade != "" && wanted.StorageGrade != d.StorageGrade {
			differ("storage grade of disc "+d.Label, d.StorageGrade, wanted.StorageGrade)
		}
		for _, b := range wanted.Backups {
			if schedule, ok := b.find(d); ok && schedule.Capacity != b.Keep {
				differ(fmt.Sprintf("backups of disc %s every %s", d.Label, b.Every), schedule.Capacity, b.Keep)
			}
		}
	}
	return list
}

// find returns the disc of a machine with the same label.
func (d disc) find(vm bigv.VirtualMachine) (bigv.Disc, bool) {
	for _, existing := range vm.Discs {
		if existing.Label == d.Label {
			return existing, true
		}
	}
	return bigv.Disc{}, false
}

// find returns the backup schedule of a disc with the same interval. It does not compare the start times, because
// the service returns them with a date.
func (b backup) find(d bigv.Disc) (bigv.BackupSchedule, bool) {
	for _, existing := range d.BackupSchedules {
		if existing.Interval == b.Every {
			return existing, true
		}
	}
	return bigv.BackupSchedule{}, false
}
