package bigvtest_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bigv-go/bigv/bigvtest"
)

func TestConformanceDefinitions(t *testing.T) {
	const get = "GET /definitions"
	has := func(id, values string) string { return `{"$has":[{"id":"` + id + `","data":{"$has":` + values + `}}]}` }
	runScenarios(t, []scenario{
		{"definitions", nil, []step{
			{"distributions", "nobody", get, "", 200, has("distributions", `["jessie","stretch","symbiosis","wheezy","centos7","trusty"]`)},
			{"storage grades", "nobody", get, "", 200, has("storage_grades", `["sata","ssd","archive"]`)},
			{
				"iceberg is not among the storage grades", "nobody", get, "", 200,
				`{"$lacks":[{"id":"storage_grades","data":{"$has":["iceberg"]}}]}`,
			},
			{"zone names", "nobody", get, "", 200, has("zone_names", `["york","manchester"]`)},
			{"hardware profiles", "nobody", get, "", 200, has("hardware_profiles", `["virtio2013","compatibility2013"]`)},
			{
				"keymaps", "nobody", get, "", 200,
				has("keymaps", `["ar","da","de","de-ch","en-gb","en-us","es","et","fi","fo","fr","fr-be","fr-ca","fr-ch","hr","hu","is",
					"it","ja","lt","lv","mk","nl","nl-be","no","pl","pt","pt-br","ru","sl","sv","th","tr"]`),
			},
			{
				"keys", "nobody", get, "", 200,
				has("sendkeys", `["a","z","0","9","f1","f12","shift","shift_r","alt","alt_r","altgr","ctrl","ctrl_r","menu","esc","minus",
					"equal","backspace","tab","ret","comma","dot","slash","asterisk","spc","caps_lock","num_lock","scroll_lock","kp_0",
					"kp_9","kp_divide","kp_multiply","kp_subtract","kp_add","kp_enter","kp_decimal","sysrq","<","print","home","pgup",
					"pgdn","end","left","up","down","right","insert","delete"]`),
			},
			{
				"descriptions of distributions are an object", "nobody", get, "", 200,
				`{"$has":[{"id":"distribution_descriptions","data":{"jessie":"$string"}}]}`,
			},
			{
				"descriptions of storage grades are an object", "nobody", get, "", 200,
				`{"$has":[{"id":"storage_grade_descriptions","data":{"sata":"$string"}}]}`,
			},
			{"a token is accepted", "alice", get, "", 200, has("zone_names", `["york"]`)},
			{"definitions are read-only", "alice", "POST /definitions", `{}`, 405, ""},
		}},
	})
}

// Each distribution and each storage grade has a description, and nothing else has.
func TestDescriptionsAreComplete(t *testing.T) {
	srv := bigvtest.NewServer(t)
	definitions, err := srv.Client().Definitions.Get(t.Context())
	require.NoError(t, err)
	assert.Len(t, definitions.Distributions, 13)
	for what, pair := range map[string]struct {
		names        []string
		descriptions map[string]string
	}{
		"distributions":  {definitions.Distributions, definitions.DistributionDescriptions},
		"storage grades": {definitions.StorageGrades, definitions.StorageGradeDescriptions},
	} {
		assert.ElementsMatch(t, pair.names, slices.Collect(maps.Keys(pair.descriptions)), what)
		for name, text := range pair.descriptions {
			assert.NotEmpty(t, text, name)
		}
	}
}

func TestConformanceVMDefaults(t *testing.T) {
	const settings = `"server_settings":{"virtual_machine":{"cores":1,"memory":1024},
		"discs":[{"size":25600,"storage_grade":"sata"}],"reimage":{"distribution":"jessie"}}`
	runScenarios(t, []scenario{
		{"templates", func(f *fixture) { f.srv.User("staff").Grant("cluster_admin", nil) }, []step{
			{
				"a template is created", "alice", "POST /vm_defaults",
				`{"account_id":<acme>,"name":"small-blog","public":false,` + settings + `}`, 201,
				`{"id":"$int","account_id":<acme>,"name":"small-blog","public":false,` + settings + `}`,
			},
			{
				"a customer cannot create a public template", "alice", "POST /vm_defaults",
				`{"account_id":<acme>,"name":"shared","public":true,` + settings + `}`, oneOf(400, 403), anyBody,
			},
			{
				"staff can create a public template", "staff", "POST /vm_defaults",
				`{"account_id":<acme>,"name":"shared","public":true,` + settings + `}`, 201, `{"public":true}`,
			},
			{
				"account_id is required", "alice", "POST /vm_defaults", `{"name":"none",` + settings + `}`, 400,
				`{"account_id":["can't be blank"]}`,
			},
			{
				"name is required", "alice", "POST /vm_defaults", `{"account_id":<acme>,` + settings + `}`, 400,
				`{"name":["can't be blank"]}`,
			},
			{
				"a template for an invisible account cannot be created", "bob", "POST /vm_defaults",
				`{"account_id":<acme>,"name":"mine",` + settings + `}`, anyError, anyBody,
			},
			{
				"unknown attributes are ignored", "alice", "POST /vm_defaults",
				`{"account_id":<acme>,"name":"red","colour":"red",` + settings + `}`, 201, `{"colour":"$absent"}`,
			},
		}},
	})
}
