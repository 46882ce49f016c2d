package bigv_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefinitions(t *testing.T) {
	t.Parallel()
	all := bigv.Definitions{
		Distributions: []string{"jessie", "stretch"}, StorageGrades: []string{"sata", "ssd", "archive"}, ZoneNames: []string{"york", "manchester"},
		HardwareProfiles: []string{"virtio2013", "compatibility2013"}, Keymaps: []string{"en-gb", "de"}, SendKeys: []string{"ctrl", "alt", "delete", "<"},
		DistributionDescriptions: map[string]string{"jessie": "Debian 8"},
		StorageGradeDescriptions: map[string]string{"sata": "Standard SSD", "archive": "Archive"},
	}
	for _, row := range []serviceRow{
		{name: "every kind, and one that is not known", answers: map[string]string{"GET /definitions": "@definitions.json"}, want: all},
		{name: "the flat style is the same", opts: flat, answers: map[string]string{"GET /definitions": "@definitions.json"}, want: all},
		{name: "a kind that is not told is empty", answers: map[string]string{"GET /definitions": `[{"id":"keymaps","data":["de"]}]`}, want: bigv.Definitions{Keymaps: []string{"de"}}},
		{name: "no kinds", answers: map[string]string{"GET /definitions": "[]"}, want: bigv.Definitions{}},
		{
			name: "no data, null and empty", answers: map[string]string{"GET /definitions": `[{"id":"keymaps"},{"id":"zone_names","data":null},{"id":"sendkeys","data":[]},{"data":[1]},{"id":null}]`},
			want: bigv.Definitions{SendKeys: []string{}},
		},
		{
			name: "data of another type", answers: map[string]string{"GET /definitions": `[{"id":"zone_names","data":{"york":"York"}}]`},
			wantErr: []any{bigv.ErrInvalidResponse, "zone_names"},
		},
		{
			name: "descriptions as a list", answers: map[string]string{"GET /definitions": `[{"id":"distribution_descriptions","data":["jessie"]}]`},
			wantErr: []any{bigv.ErrInvalidResponse, "distribution_descriptions"},
		},
		{name: "an object for the list", answers: map[string]string{"GET /definitions": `{"keymaps":["de"]}`}, wantErr: []any{bigv.ErrInvalidResponse}},
		{name: "null", answers: map[string]string{"GET /definitions": `null`}, wantErr: []any{bigv.ErrInvalidResponse, "it is empty"}},
		{name: "nothing", answers: map[string]string{"GET /definitions": ``}, wantErr: []any{bigv.ErrInvalidResponse, "it is empty"}},
		{name: "a list that ends too early", answers: map[string]string{"GET /definitions": `[{"id":"keymaps","data":["de"`}, wantErr: []any{bigv.ErrInvalidResponse}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, client := newDesk(t, row.answers, row.opts...)
			got, err := client.Definitions.Get(t.Context())
			row.sent = []string{"GET /definitions"}
			if row.wantErr != nil {
				row.want = bigv.Definitions{}
			}
			checkOutcome(t, row, d, got, err)
			require.Len(t, d.headers, 1)
			assert.NotContains(t, d.headers[0], "Authorization")
			assert.Equal(t, "application/json", d.headers[0].Get("Accept"))
			assert.Equal(t, "bigv-go/"+bigv.Version, d.headers[0].Get("User-Agent"))
		})
	}
}

func TestDefinitionsNeedNoCredentials(t *testing.T) {
	t.Parallel()
	d := &desk{answers: map[string]answer{"GET /definitions": {200, `[{"id":"keymaps","data":["de"]}]`}}}
	srv := httptest.NewServer(d)
	defer srv.Close()
	client, err := bigv.NewClient(bigv.WithBaseURL(srv.URL))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	definitions, err := client.Definitions.Get(t.Context())
	require.NoError(t, err)
	text, err := json.Marshal(definitions)
	require.NoError(t, err)
	assert.Equal(t, `{"keymaps":["de"]}`, string(text))
}
