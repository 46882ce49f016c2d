package sim

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bigv-go/bigv"
)

// TestEveryMethodThatWritesIsSimulated finds the methods by reflection, so that none is forgotten.
func TestEveryMethodThatWritesIsSimulated(t *testing.T) {
	reads := []string{"List", "All", "Get", "Find", "Resolve", "Wait", "WaitAll", "KeepAlive"}
	simulated := map[string]bool{}
	for _, op := range operations() {
		simulated[op.name] = true
	}
	for _, j := range jobs {
		simulated[j.name] = true
	}
	client := reflect.TypeFor[bigv.Client]()
	for field := range client.Fields() {
		if !field.IsExported() || !strings.HasSuffix(field.Type.String(), "Service") {
			continue
		}
		for method := range field.Type.Methods() {
			name := field.Name + "." + method.Name
			if !slices.Contains(reads, method.Name) && !simulated[name] {
				t.Errorf("%s is not simulated: add it to operations_test.go, or to job_test.go if it makes several calls", name)
			}
		}
	}
}
