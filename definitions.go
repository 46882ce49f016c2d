package bigv

import (
	"context"
	"encoding/json"
)

// Definitions are the values that the service knows at present. A kind that the
// service does not tell is empty.
type Definitions struct {
	Distributions            []string          `json:"distributions,omitempty"`              // for Image, such as stretch
	StorageGrades            []string          `json:"storage_grades,omitempty"`             // for DiscCreate, such as sata
	ZoneNames                []string          `json:"zone_names,omitempty"`                 // for VirtualMachineCreate, such as york
	HardwareProfiles         []string          `json:"hardware_profiles,omitempty"`          // for VirtualMachineCreate and VirtualMachineUpdate
	Keymaps                  []string          `json:"keymaps,omitempty"`                    // for the console, such as en-gb
	SendKeys                 []string          `json:"sendkeys,omitempty"`                   // for SendKeys, such as ctrl
	DistributionDescriptions map[string]string `json:"distribution_descriptions,omitempty"`  // for people, by distribution
	StorageGradeDescriptions map[string]string `json:"storage_grade_descriptions,omitempty"` // for people, by storage grade
}

// definition is one kind as it travels.
type definition struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

// DefinitionsService reads what values the service knows.
type DefinitionsService struct{ client *Client }

const definitionsRoute = "/definitions"

// Get returns the definitions: GET /definitions. It needs no credentials and
// sends none.
func (s *DefinitionsService) Get(ctx context.Context, opts ...CallOption) (Definitions, error) {
	kinds, err := list[definition](ctx, s.client, "get definitions", under(definitionsRoute), nil, opts)
	var d Definitions
	if err != nil {
		return d, err
	}
	into := map[string]any{
		"distributions": &d.Distributions, "storage_grades": &d.StorageGrades, "zone_names": &d.ZoneNames,
		"hardware_profiles": &d.HardwareProfiles, "keymaps": &d.Keymaps, "sendkeys": &d.SendKeys,
		"distribution_descriptions":  &d.DistributionDescriptions,
		"storage_grade_descriptions": &d.StorageGradeDescriptions,
	}
	for _, kind := range kinds {
		if field := into[kind.ID]; field != nil {
			if err := json.Unmarshal(kind.Data, field); err != nil {
				return Definitions{}, (&Error{
					Operation: "get definitions", Method: "GET", Route: definitionsRoute, URL: definitionsRoute,
					StatusCode: 200, Attempts: 1, Err: err, kind: ErrAnswer,
				})
			}
		}
	}
	return d, nil
}
