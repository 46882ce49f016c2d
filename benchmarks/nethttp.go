package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
)

// baseline is a hand-written client with net/http and a JSON package of the Go release. It keeps enough idle connections
// for all goroutines, reads a whole body into a buffer of the size of its Content-Length, and a stream through a buffer of
// 64 KiB. It reads bodies to the end, so that connections are reused. It has no retries, hooks, timeouts or typed errors.
type baseline struct {
	name      string // of the JSON package
	client    *http.Client
	base      string
	token     string
	unmarshal func(data []byte, into any) error
	stream    func(r io.Reader, use func(machine)) error // decodes a list of machines
}

// newBaselines returns a client for each JSON package of the Go release.
func newBaselines(base string) []*baseline {
	baselines := []*baseline{{name: "encoding/json", unmarshal: json.Unmarshal, stream: streamMachines}}
	baselines = append(baselines, newerBaselines()...)
	for _, b := range baselines {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns = 256
		transport.MaxIdleConnsPerHost = 128
		b.client, b.base, b.token = &http.Client{Transport: transport}, base, token
	}
	return baselines
}

// open sends a GET and returns the response. Any status but 200 is an error.
func (b *baseline) open(ctx context.Context, path string) (*http.Response, error) {
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
	return resp, nil
}

// get sends a GET and decodes the response.
func (b *baseline) get(ctx context.Context, path string, into any) error {
	resp, err := b.open(ctx, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := readBody(resp)
	if err != nil {
		return err
	}
	return b.unmarshal(text, into)
}

// readBody reads a body to its end.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength < 0 {
		return io.ReadAll(resp.Body)
	}
	body := bytes.NewBuffer(make([]byte, 0, resp.ContentLength+bytes.MinRead)) // which ReadFrom does not grow
	_, err := body.ReadFrom(resp.Body)
	return body.Bytes(), err
}

// machine returns a virtual machine.
func (b *baseline) machine(ctx context.Context, group, name string) (vm machine, err error) {
	err = b.get(ctx, fmt.Sprintf(machinesPath, url.PathEscape(group))+"/"+url.PathEscape(name), &vm)
	return vm, err
}

// overview returns the virtual machines of a group with their discs and network interfaces.
func (b *baseline) overview(ctx context.Context, group string) (vms []machine, err error) {
	err = b.get(ctx, overviewPath(group), &vms)
	return vms, err
}

// overviewPath returns the path of the overview of a group.
func overviewPath(group string) string {
	return fmt.Sprintf(machinesPath, url.PathEscape(group)) + "?view=overview"
}

// each calls use for each machine of an overview as it arrives.
func (b *baseline) each(ctx context.Context, group string, use func(machine)) error {
	return b.read(ctx, group, func(r io.Reader) error { return b.stream(r, use) })
}

// tokens reads the tokens of an overview as it arrives, which is the least that a decoder does.
func (b *baseline) tokens(ctx context.Context, group string) error {
	return b.read(ctx, group, readTokens)
}

// read calls f with the body of an overview.
func (b *baseline) read(ctx context.Context, group string, f func(io.Reader) error) error {
	resp, err := b.open(ctx, overviewPath(group))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return f(bufio.NewReaderSize(resp.Body, 64<<10))
}

// streamMachines decodes a list of machines with encoding/json.
func streamMachines(r io.Reader, use func(machine)) error {
	dec := json.NewDecoder(r)
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
	if _, err := dec.Token(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// readTokens reads JSON to its end.
func readTokens(r io.Reader) error {
	dec := jsontext.NewDecoder(r)
	for {
		if _, err := dec.ReadToken(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
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
