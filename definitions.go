package bigv

import (
	"context"
	"fmt"

	"github.com/bigv-go/bigv/internal/jsonwire"
	"github.com/go-json-experiment/json/jsontext"
)

// Definitions holds the values that the service currently accepts. A list is empty if the service
// does not return it.
type Definitions struct {
	Distributions            []string          `json:"distributions,omitempty"`              // for Image, such as "stretch"
	StorageGrades            []string          `json:"storage_grades,omitempty"`             // for DiscCreate, such as "sata"
	ZoneNames                []string          `json:"zone_names,omitempty"`                 // for VirtualMachineCreate, such as "york"
	HardwareProfiles         []string          `json:"hardware_profiles,omitempty"`          // for virtual machines, such as "virtio2018"
	Keymaps                  []string          `json:"keymaps,omitempty"`                    // for the console, such as "en-gb"
	SendKeys                 []string          `json:"sendkeys,omitempty"`                   // for VirtualMachines.SendKeys, such as "ctrl"
	DistributionDescriptions map[string]string `json:"distribution_descriptions,omitempty"`  // for display, by distribution
	StorageGradeDescriptions map[string]string `json:"storage_grade_descriptions,omitempty"` // for display, by grade
}

// definitionsResponse is the response body: an array with an object per kind of definition.
type definitionsResponse struct{ Definitions }

// UnmarshalJSON implements json.Unmarshaler. It ignores kinds that have no field.
func (d *definitionsResponse) UnmarshalJSON(data []byte) error {
	var kinds []struct {
		ID   string         `json:"id"`
		Data jsontext.Value `json:"data"`
	}
	if err := jsonwire.Unmarshal(data, &kinds); err != nil {
		return err
	}
	fields := map[string]any{
		"distributions": &d.Distributions, "storage_grades": &d.StorageGrades, "zone_names": &d.ZoneNames,
		"hardware_profiles": &d.HardwareProfiles, "keymaps": &d.Keymaps, "sendkeys": &d.SendKeys,
		"distribution_descriptions":  &d.DistributionDescriptions,
		"storage_grade_descriptions": &d.StorageGradeDescriptions,
	}
	for _, kind := range kinds {
		field, known := fields[kind.ID]
		if !known || kind.Data == nil {
			continue
		}
		if err := jsonwire.Unmarshal(kind.Data, field); err != nil {
			return fmt.Errorf("%s: %w", kind.ID, err)
		}
	}
	return nil
}

// DefinitionsService reads the values that the service accepts.
type DefinitionsService struct{ client *Client }

const definitionsRoute = "/definitions"

// Get returns the definitions: GET /definitions. It needs no credentials and sends none.
func (s *DefinitionsService) Get(ctx context.Context, opts ...CallOption) (Definitions, error) {
	e := fixed(definitionsRoute)
	e.anonymous = true
	response, err := get[definitionsResponse](ctx, clientOf(s), reading("get definitions", e), opts)
	return response.Definitions, err
}
