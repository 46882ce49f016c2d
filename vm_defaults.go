package bigv

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/bigv-go/bigv/internal/jsonwire"
)

// VMDefault represents a template of a virtual machine, which a control panel uses to fill its
// form.
type VMDefault struct {
	ID        int    // assigned by the service
	AccountID int    // ID of the account it belongs to
	Name      string // name of the template
	Public    bool   // whether all accounts can see it
	// ServerSettings holds attributes for VirtualMachines.Create.
	ServerSettings VirtualMachineCreate
}

// vmDefaultBody is a template in the form of a request or response.
type vmDefaultBody struct {
	ID             int            `json:"id,omitzero"`
	AccountID      int            `json:"account_id"`
	Name           string         `json:"name"`
	Public         bool           `json:"public"`
	ServerSettings serverSettings `json:"server_settings"`
}

// serverSettings is the request body of vm_create without addresses. In a template, all its members
// are optional.
type serverSettings struct {
	VirtualMachine VirtualMachineCreate `json:"virtual_machine"`
	Discs          []DiscCreate         `json:"discs,omitempty"`
	Image          *Image               `json:"reimage,omitzero"`
}

// newServerSettings returns vm in the form of a request.
func newServerSettings(vm VirtualMachineCreate) serverSettings {
	settings := serverSettings{VirtualMachine: vm, Discs: vm.Discs, Image: vm.Image}
	settings.VirtualMachine.Discs, settings.VirtualMachine.Image, settings.VirtualMachine.IPs = nil, nil, nil
	return settings
}

// MarshalJSON implements json.Marshaler. It writes the form that the service uses, with secrets
// redacted.
func (d VMDefault) MarshalJSON() ([]byte, error) { return json.Marshal(d.requestValue()) }

// requestValue implements [requestValue].
func (d VMDefault) requestValue() any {
	return vmDefaultBody{d.ID, d.AccountID, d.Name, d.Public, newServerSettings(d.ServerSettings)}
}

// UnmarshalJSON implements json.Unmarshaler. It reads the form that the service uses.
func (d *VMDefault) UnmarshalJSON(data []byte) error {
	var body vmDefaultBody
	if err := jsonwire.Unmarshal(data, &body); err != nil {
		return err
	}
	*d = VMDefault{body.ID, body.AccountID, body.Name, body.Public, body.ServerSettings.VirtualMachine}
	d.ServerSettings.Discs, d.ServerSettings.Image = body.ServerSettings.Discs, body.ServerSettings.Image
	return nil
}

// VMDefaultCreate holds the attributes of a new template.
type VMDefaultCreate struct {
	// Account is required: the account that the template belongs to. If its path has no ID, the
	// account is looked up first.
	Account AccountPath
	Name    string // required: name of the template
	Public  bool   // whether all accounts can see it; only staff can set it
	// ServerSettings holds attributes for VirtualMachines.Create. All are optional; IPs must be
	// nil.
	ServerSettings VirtualMachineCreate
}

// validate returns an error if the template is invalid.
func (d VMDefaultCreate) validate() error {
	switch vm := d.ServerSettings; {
	case d.Account == "":
		return errors.New("account is required")
	case d.Name == "":
		return errors.New("name is required")
	case vm.IPs != nil:
		return errors.New("ips must not be set in a template")
	default:
		return vm.checkSettings()
	}
}

// VMDefaultsService creates templates of virtual machines. The API has no endpoint that lists them.
type VMDefaultsService struct{ client *Client }

// Create creates a template: POST /vm_defaults. It is not idempotent, so it is never retried once
// the service may have processed it. If the service responds without a body, the result is the zero
// VMDefault.
func (s *VMDefaultsService) Create(ctx context.Context, template VMDefaultCreate, opts ...CallOption) (VMDefault, error) {
	const operation = "create VM default"
	body := vmDefaultBody{Name: template.Name, Public: template.Public, ServerSettings: newServerSettings(template.ServerSettings)}
	err := template.validate()
	if err == nil {
		body.AccountID, err = clientOf(s).Accounts.id(ctx, template.Account)
	}
	if err != nil {
		return VMDefault{}, notSent(operation, template.Name, err)
	}
	op := posting(operation, fixed("/vm_defaults").about(template.Name), body)
	return write[VMDefault](ctx, clientOf(s), op, nil, opts)
}

// objectID implements [identified].
func (d VMDefault) objectID() int { return d.ID }
