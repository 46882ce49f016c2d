package bigv

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/bigv-go/bigv/internal/wire"
)

// VMDefault is a template of a virtual machine, which a control panel fills its
// form from.
type VMDefault struct {
	ID        int    // told by the service
	AccountID int    // whose it is
	Name      string // of the template, not of machines
	Public    bool   // whether all accounts see it
	// ServerSettings are what VirtualMachines.Create takes.
	ServerSettings VirtualMachineCreate
}

// vmDefaultBody is a template as it travels.
type vmDefaultBody struct {
	ID             int            `json:"id,omitzero"`
	AccountID      int            `json:"account_id"`
	Name           string         `json:"name"`
	Public         bool           `json:"public"`
	ServerSettings serverSettings `json:"server_settings"`
}

// serverSettings is what vm_create takes, without addresses. A template may leave
// anything out.
type serverSettings struct {
	VirtualMachine VirtualMachineCreate `json:"virtual_machine"`
	Discs          []DiscCreate         `json:"discs,omitempty"`
	Image          *Image               `json:"reimage,omitzero"`
}

func newServerSettings(vm VirtualMachineCreate) serverSettings {
	settings := serverSettings{VirtualMachine: vm, Discs: vm.Discs, Image: vm.Image}
	settings.VirtualMachine.Discs, settings.VirtualMachine.Image, settings.VirtualMachine.IPs = nil, nil, nil
	return settings
}

// MarshalJSON writes a template as the service does, its secrets hidden.
func (d VMDefault) MarshalJSON() ([]byte, error) {
	return json.Marshal(vmDefaultBody{d.ID, d.AccountID, d.Name, d.Public, newServerSettings(d.ServerSettings)})
}

// UnmarshalJSON reads a template as the service writes it.
func (d *VMDefault) UnmarshalJSON(data []byte) error {
	var body vmDefaultBody
	if err := wire.Unmarshal(data, &body); err != nil {
		return err
	}
	*d = VMDefault{body.ID, body.AccountID, body.Name, body.Public, body.ServerSettings.VirtualMachine}
	d.ServerSettings.Discs, d.ServerSettings.Image = body.ServerSettings.Discs, body.ServerSettings.Image
	return nil
}

// VMDefaultCreate is what a new template is made of.
type VMDefaultCreate struct {
	// Account is whose it is. A name is looked up first, since the service takes
	// IDs only.
	Account AccountPath
	Name    string // of the template, not of machines
	Public  bool   // true takes staff
	// ServerSettings are what VirtualMachines.Create takes, without IPs. What is
	// left out is for the form to ask, such as the machine's name.
	ServerSettings VirtualMachineCreate
}

func (d VMDefaultCreate) check() error {
	switch vm := d.ServerSettings; {
	case d.Account == "":
		return errors.New("the template has no account")
	case d.Name == "":
		return errors.New("the template has no name")
	case vm.IPs != nil:
		return errors.New("a template has no IPs")
	default:
		return vm.checkSettings()
	}
}

// VMDefaultsService makes templates of virtual machines. The service tells nobody
// but its control panel what templates there are.
type VMDefaultsService struct{ client *Client }

// Create makes a template: POST /vm_defaults. It is never sent again after it may
// have been carried out. The template is zero if the service does not tell it.
func (s *VMDefaultsService) Create(ctx context.Context, template VMDefaultCreate, opts ...CallOption) (VMDefault, error) {
	const operation = "create VM default"
	body := vmDefaultBody{Name: template.Name, Public: template.Public, ServerSettings: newServerSettings(template.ServerSettings)}
	err := template.check()
	if err == nil {
		body.AccountID, err = s.client.Accounts.id(ctx, template.Account)
	}
	if err != nil {
		return VMDefault{}, notSent(operation, template.Name, err)
	}
	return call[VMDefault](ctx, s.client, posting(operation), under("/vm_defaults").of(template.Name), body, nil, opts)
}
