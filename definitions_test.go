package bigv_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Definitions returns the rows of DefinitionsService.
func (wireRows) Definitions() []wireRow {
	all := bigv.Definitions{
		Distributions: []string{"jessie", "stretch"}, StorageGrades: []string{"sata", "ssd", "archive"},
		ZoneNames:        []string{"york", "manchester"},
		HardwareProfiles: []string{"virtio2013", "compatibility2013"}, Keymaps: []string{"en-gb", "de"},
		SendKeys:                 []string{"ctrl", "alt", "delete", "<"},
		DistributionDescriptions: map[string]string{"jessie": "Debian 8"},
		StorageGradeDescriptions: map[string]string{"sata": "Standard SSD", "archive": "Archive"},
	}
	get := func(ctx context.Context, c *bigv.Client) (any, error) { return c.Definitions.Get(ctx) }
	rows := []wireRow{
		{
			name: "Definitions.Get returns every kind and ignores unknown ones", call: get,
			responses: responses{"GET /definitions": "@definitions.json"}, want: all,
		},
		{
			name: "Definitions.Get in the flat style", call: get, opts: flat,
			responses: responses{"GET /definitions": "@definitions.json"}, want: all,
		},
		{
			name: "Definitions.Get: missing kinds are empty", call: get,
			responses: responses{"GET /definitions": `[{"id":"keymaps","data":["de"]}]`}, want: bigv.Definitions{Keymaps: []string{"de"}},
		},
		{name: "Definitions.Get: an empty list", call: get, responses: responses{"GET /definitions": "[]"}, want: bigv.Definitions{}},
		{
			name: "Definitions.Get: missing, null and empty data", call: get,
			responses: responses{
				"GET /definitions": `[{"id":"keymaps"},{"id":"zone_names","data":null},{"id":"sendkeys","data":[]},` +
					`{"data":[1]},{"id":null}]`,
			},
			want: bigv.Definitions{SendKeys: []string{}},
		},
		{
			name: "Definitions.Get: data of another type", call: get,
			responses: responses{"GET /definitions": `[{"id":"zone_names","data":{"york":"York"}}]`},
			wantErr:   []any{bigv.ErrInvalidResponse, "zone_names"},
		},
		{
			name: "Definitions.Get: descriptions as a list", call: get,
			responses: responses{"GET /definitions": `[{"id":"distribution_descriptions","data":["jessie"]}]`},
			wantErr:   []any{bigv.ErrInvalidResponse, "distribution_descriptions"},
		},
		{
			name: "Definitions.Get: an object for the list", call: get, responses: responses{"GET /definitions": `{"keymaps":["de"]}`},
			wantErr: []any{bigv.ErrInvalidResponse},
		},
		{
			name: "Definitions.Get: null", call: get, responses: responses{"GET /definitions": `null`},
			wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "Definitions.Get: an empty body", call: get, responses: responses{"GET /definitions": ``},
			wantErr: []any{bigv.ErrInvalidResponse, "the body is empty"},
		},
		{
			name: "Definitions.Get: a truncated list", call: get,
			responses: responses{"GET /definitions": `[{"id":"keymaps","data":["de"`}, wantErr: []any{bigv.ErrInvalidResponse},
		},
	}
	for i := range rows {
		rows[i].sent = []string{"GET /definitions"}
	}
	return rows
}

func TestDefinitionsNeedNoCredentials(t *testing.T) {
	t.Parallel()
	srv := fakeserver.New(t, fakeserver.Respond(200, `[{"id":"keymaps","data":["de"]}]`))
	client := clientFor(t, srv.URL())
	definitions, err := client.Definitions.Get(t.Context())
	require.NoError(t, err)
	text, err := json.Marshal(definitions)
	require.NoError(t, err)
	assert.Equal(t, `{"keymaps":["de"]}`, string(text))
}
