package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// floor is what a careful engineer writes by hand for the same work: net/http
// with idle connections enough for its goroutines, the body read to its end so
// that its connection is used again, and encoding/json. It has no retries, hooks,
// time limits or typed errors.
type floor struct {
	client *http.Client
	base   string
	token  string
}

func newFloor(base string) *floor {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 128
	return &floor{client: &http.Client{Transport: transport}, base: base, token: token}
}

// open sends a GET and returns the body of its answer, which is a 200.
func (f *floor) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return nil, fmt.Errorf("GET %s: %s: %s", path, resp.Status, text)
	}
	return resp.Body, nil
}

// get decodes the answer to a GET.
func (f *floor) get(ctx context.Context, path string, into any) error {
	body, err := f.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (f *floor) machine(ctx context.Context, group, name string) (vm machine, err error) {
	err = f.get(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"/"+url.PathEscape(name), &vm)
	return vm, err
}

func (f *floor) overview(ctx context.Context, group string) (vms []machine, err error) {
	err = f.get(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"?view=overview", &vms)
	return vms, err
}

// each hands out the machines of an overview as they arrive.
func (f *floor) each(ctx context.Context, group string, use func(machine)) error {
	body, err := f.open(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"?view=overview")
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	if start, err := dec.Token(); err != nil || start != json.Delim('[') {
		return errors.Join(err, fmt.Errorf("expected a list, found %v", start))
	}
	for dec.More() {
		var vm machine
		if err := dec.Decode(&vm); err != nil {
			return err
		}
		use(vm)
	}
	_, err = dec.Token()
	return err
}

// machine has what the SDK's VirtualMachine has, in the types that one writes
// first: addresses are text, and nothing is checked.
type machine struct {
	ID                    int    `json:"id"`
	Name                  string `json:"name"`
	Hostname              string `json:"hostname"`
	GroupID               int    `json:"group_id"`
	Cores                 int    `json:"cores"`
	Memory                int    `json:"memory"`
	PowerOn               bool   `json:"power_on"`
	AutorebootOn          bool   `json:"autoreboot_on"`
	Deleted               bool   `json:"deleted"`
	CDROMURL              string `json:"cdrom_url"`
	Keymap                string `json:"keymap"`
	HardwareProfile       string `json:"hardware_profile"`
	HardwareProfileLocked bool   `json:"hardware_profile_locked"`
	ZoneName              string `json:"zone_name"`
	ManagementAddress     string `json:"management_address"`
	Head                  string `json:"head"`
	LastImagedWith        string `json:"last_imaged_with"`
	Type                  string `json:"type"`
	Discs                 []disc `json:"discs"`
	NetworkInterfaces     []nic  `json:"network_interfaces"`
}

type disc struct {
	ID               int        `json:"id"`
	Label            string     `json:"label"`
	Size             int        `json:"size"`
	StorageGrade     string     `json:"storage_grade"`
	StoragePool      string     `json:"storage_pool"`
	VirtualMachineID int        `json:"virtual_machine_id"`
	BackupCount      int        `json:"backup_count"`
	BackupsEnabled   bool       `json:"backups_enabled"`
	BackupSchedules  []schedule `json:"backup_schedules"`
	IOPSLimit        int        `json:"iops_limit"`
	NewStorageGrade  string     `json:"new_storage_grade"`
	NewStoragePool   string     `json:"new_storage_pool"`
	Type             string     `json:"type"`
}

type schedule struct {
	ID              int    `json:"id"`
	StartAt         string `json:"start_at"`
	IntervalSeconds int    `json:"interval_seconds"`
	Capacity        int    `json:"capacity"`
}

type nic struct {
	ID               int               `json:"id"`
	Label            string            `json:"label"`
	MAC              string            `json:"mac"`
	IPs              []string          `json:"ips"`
	ExtraIPs         map[string]string `json:"extra_ips"`
	VLANNum          int               `json:"vlan_num"`
	VirtualMachineID int               `json:"virtual_machine_id"`
	Type             string            `json:"type"`
}
