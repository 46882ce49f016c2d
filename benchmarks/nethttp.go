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

// baseline is a hand-written client with net/http and encoding/json. It keeps enough idle connections for all
// goroutines and reads bodies to the end, so that connections are reused. It has no retries, hooks, timeouts or
// typed errors.
type baseline struct {
	client *http.Client
	base   string
	token  string
}

func newBaseline(base string) *baseline {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 128
	return &baseline{client: &http.Client{Transport: transport}, base: base, token: token}
}

// open sends a GET and returns the body of the response. Any status but 200 is an error.
func (b *baseline) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
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

// get sends a GET and decodes the response.
func (b *baseline) get(ctx context.Context, path string, into any) error {
	body, err := b.open(ctx, path)
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

// machine returns a virtual machine.
func (b *baseline) machine(ctx context.Context, group, name string) (vm machine, err error) {
	err = b.get(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"/"+url.PathEscape(name), &vm)
	return vm, err
}

// overview returns the virtual machines of a group with their discs and network interfaces.
func (b *baseline) overview(ctx context.Context, group string) (vms []machine, err error) {
	err = b.get(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"?view=overview", &vms)
	return vms, err
}

// each calls use for each machine of an overview as it arrives.
func (b *baseline) each(ctx context.Context, group string, use func(machine)) error {
	body, err := b.open(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"?view=overview")
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

// machine has the attributes of bigv.VirtualMachine with basic types: addresses are strings, and nothing is validated.
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
