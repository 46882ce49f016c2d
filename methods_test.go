package bigv_test

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bigv-go/bigv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// method is a method of one of the client's services, found by reflection. Only tests that must walk all methods use it.
type method struct {
	name   string         // as in "Discs.Resize"
	params []reflect.Type // after the context, without the call options
	result reflect.Type   // the first result; of a list or a sequence, its elements
}

// service returns the name of the method's service, as in "Discs".
func (m method) service() string {
	service, _, _ := strings.Cut(m.name, ".")
	return service
}

// snakeCase returns the name of a service as files are named for it: "api_keys" for "APIKeys".
func snakeCase(service string) string {
	return strings.ToLower(wordStart.ReplaceAllString(service, "${1}_${2}"))
}

// wordStart matches the place before a capital letter that begins a word. The s of "IPs" is part of the initialism.
var wordStart = regexp.MustCompile(`([A-Za-z])([A-Z][a-z]{2})`)

func TestSnakeCase(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		"Discs": "discs", "VirtualMachines": "virtual_machines", "APIKeys": "api_keys", "VMDefaults": "vm_defaults", "IPs": "ips",
	} {
		assert.Equal(t, want, snakeCase(service))
	}
}

// serviceFields returns the fields of Client that are services.
func serviceFields() (fields []reflect.StructField) {
	for field := range reflect.TypeFor[bigv.Client]().Fields() {
		if field.IsExported() && field.Type.Kind() == reflect.Pointer && strings.HasSuffix(field.Type.Elem().Name(), "Service") {
			fields = append(fields, field)
		}
	}
	return fields
}

// allMethods returns every method of every service of the client.
func allMethods() (methods []method) {
	for _, field := range serviceFields() {
		for i := range field.Type.NumMethod() {
			methods = append(methods, newMethod(field.Name, field.Type.Method(i)))
		}
	}
	return methods
}

// checkMethods returns what is missing to call every method, in one line, or an empty string.
func checkMethods() string {
	client, err := bigv.NewClient(bigv.WithToken("t0ken"))
	if err != nil {
		return err.Error()
	}
	for _, field := range serviceFields() {
		if reflect.ValueOf(client).Elem().FieldByIndex(field.Index).IsNil() {
			return fmt.Sprintf("client.go: set client.%s, as the other services are set", field.Name)
		}
	}
	for _, m := range allMethods() {
		for _, param := range m.params {
			if exampleValue(param) == nil {
				return fmt.Sprintf("methods_test.go: add a value of %s, a parameter of %s, to exampleValues", param, m.name)
			}
		}
	}
	return ""
}

// eachMethod calls f with every method of every service of the client.
func eachMethod(t *testing.T, f func(m method)) {
	t.Helper()
	methods := allMethods()
	require.Greater(t, len(methods), 60, "methods of services")
	for _, m := range methods {
		f(m)
	}
}

func newMethod(service string, m reflect.Method) method {
	found := method{name: service + "." + m.Name}
	last := m.Type.NumIn()
	if m.Type.IsVariadic() {
		last--
	}
	for i := 2; i < last; i++ { // 0 is the receiver, 1 the context
		found.params = append(found.params, m.Type.In(i))
	}
	switch found.result = m.Type.Out(0); found.result.Kind() {
	case reflect.Slice:
		found.result = found.result.Elem()
	case reflect.Func: // an iter.Seq2
		found.result = found.result.In(0).In(0)
	}
	return found
}

// call calls the method and returns its first result, and the elements of a sequence as a slice. It turns a panic into an error,
// so that one method does not end the walk.
func (m method) call(ctx context.Context, c *bigv.Client, args ...any) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s panicked: %v", m.name, r)
		}
	}()
	out := m.invoke(ctx, c, args...)
	if out[0].Kind() == reflect.Func {
		return collectValues(out[0])
	}
	err, _ = out[len(out)-1].Interface().(error)
	return out[0].Interface(), err
}

// invoke calls the method and returns its results.
func (m method) invoke(ctx context.Context, c *bigv.Client, args ...any) []reflect.Value {
	name := strings.TrimPrefix(m.name, m.service()+".")
	f := reflect.ValueOf(c).Elem().FieldByName(m.service()).MethodByName(name)
	in := []reflect.Value{reflect.ValueOf(&ctx).Elem()} // which may be nil
	for _, arg := range args {
		in = append(in, reflect.ValueOf(arg))
	}
	return f.Call(in)
}

// collectValues does for an iter.Seq2 of any type what collect does for one of a known type.
func collectValues(seq reflect.Value) (any, error) {
	elements := reflect.MakeSlice(reflect.SliceOf(seq.Type().In(0).In(0)), 0, 0)
	for element, e := range seq.Seq2() {
		if err, _ := e.Interface().(error); err != nil {
			return elements.Interface(), err
		}
		elements = reflect.Append(elements, element)
	}
	return elements.Interface(), nil
}

// collect returns the elements of a sequence, up to its end or its error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	all := []T{}
	for element, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, element)
	}
	return all, nil
}

// exampleValues has a valid argument of each parameter type of the services' methods. Options need none: their zero
// values are valid.
var exampleValues = valuesByType(
	acme, bigv.UserPath("alice"), web, www1, root, www1.NIC(6100), root.Backup("nightly"), ip20,
	[]bigv.VirtualMachinePath{www1}, []bigv.DiscPath{root}, 31, "ssh-rsa AAAA name", []string{"ctrl"}, bigv.NewSecret("t0ken"),
	bigv.AccountCreate{Name: "acme"}, bigv.GroupCreate{Name: "web"}, least, *everything.Image, bigv.DiscCreate{Label: "data", Size: 50},
	bigv.VirtualMachineUpdate{Memory: new(2048)}, bigv.DiscUpdate{Size: new(100)}, bigv.UserUpdate{AuthorizedKeys: new("")},
	bigv.PrivilegeUpdate{YubikeyRequired: new(true)}, bigv.IPUpdate{RDNS: bigv.Set("a.example")},
	bigv.VirtualMachineRelocate{Name: "www2", Group: acme.Group("79")},
	bigv.UserCreate{Username: "carol"}, bigv.PrivilegeGrant{Level: bigv.GroupAdmin, Group: bigv.GroupID(78)},
	bigv.IPCreate{Addresses: 1, Reason: "tls"}, bigv.IPSwap{VirtualMachine1: www1, VirtualMachine2: web.VirtualMachine("www2")},
	bigv.BackupSchedule{Interval: time.Second}, bigv.APIKeyCreate{Label: "ci"}, bigv.VMDefaultCreate{Account: acme, Name: "small"},
	bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret("0pensesame")},
	bigv.VirtualMachineCondition(bigv.Provisioned), bigv.DiscCondition(bigv.Restored), bigv.BackupCondition(bigv.InColdStorage),
)

func valuesByType(values ...any) map[reflect.Type]any {
	byType := map[reflect.Type]any{}
	for _, value := range values {
		byType[reflect.TypeOf(value)] = value
	}
	return byType
}

// exampleValue returns a valid argument for a parameter of this type, or nil if there is none.
func exampleValue(param reflect.Type) any {
	if value, ok := exampleValues[param]; ok {
		return value
	}
	if strings.HasSuffix(param.Name(), "Options") {
		return reflect.Zero(param).Interface()
	}
	return nil
}

// exampleArgs returns valid arguments of the method. The overrides take precedence over exampleValues. TestMain checks that there is a
// value for each parameter.
func (m method) exampleArgs(t *testing.T, overrides ...any) []any {
	t.Helper()
	byType := valuesByType(overrides...)
	var args []any
	for _, param := range m.params {
		value, ok := byType[param]
		if !ok {
			value = exampleValue(param)
		}
		require.NotNil(t, value, "%s: %s", m.name, param)
		if vm, ok := value.(bigv.VirtualMachineCreate); ok && m.name == "VirtualMachines.CreateBare" {
			value = bigv.VirtualMachineCreate{Name: vm.Name} // it creates nothing else
		}
		args = append(args, value)
	}
	return args
}
