package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// members maps the members of an object to their types: int, string, bool, ip, strings, ips, ip map, list, object or any.
// A member that may be absent ends in "?", one that may be null in "!", one that may be both in "?!".
type members map[string]string

// kind is a kind of object that can be read.
type kind struct {
	name     string
	neededBy string
	members  members
	read     func(ctx context.Context, p *probe) ([]object, error)
}

var kinds = []kind{
	{"account", "accounts.go Account", members{
		"id": "int", "name": "string", "suspended": "bool", "groups": "list?", "type": "string?",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/accounts?view=overview") }},
	{"group", "groups.go Group", members{
		"id": "int", "account_id": "int", "name": "string", "virtual_machines": "list?", "type": "string?",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/groups") }},
	{"virtual machine", "virtual_machines.go VirtualMachine", members{
		"id": "int", "group_id": "int", "name": "string", "hostname": "string", "cores": "int", "memory": "int",
		"power_on": "bool", "autoreboot_on": "bool", "cdrom_url": "string!", "keymap": "string!", "hardware_profile": "string",
		"hardware_profile_locked": "bool", "zone_name": "string", "deleted": "bool", "management_address": "ip",
		"head": "string!", "last_imaged_with": "string?!", "discs": "list?", "network_interfaces": "list?", "type": "string?",
	}, readMachines},
	{"disc", "discs.go Disc", discMembers, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/discs") }},
	{"network interface", "nics.go NIC", members{
		"id": "int", "label": "string!", "mac": "string", "ips": "ips", "extra_ips": "ip map", "vlan_num": "int",
		"virtual_machine_id": "int", "type": "string?",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/nics") }},
	{"IP address", "ips.go IP", members{"address": "ip", "rdns": "string!"}, readIPs},
	{"user", "users.go User", members{
		"id": "int", "username": "string", "email": "string?!", "authorized_keys": "string!",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/users") }},
	{"privilege", "privileges.go Privilege", members{
		"id": "int", "level": "string", "username": "string", "account_id": "int?!", "account_name": "string?!", "group_id": "int?!",
		"group_name": "string?!", "virtual_machine_id": "int?!", "virtual_machine_name": "string?!", "creating_username": "string?!",
		"password_required": "bool?", "yubikey_required": "bool", "yubikey_otp_max_age": "int?!", "ip_restrictions": "any?!",
		"api_key_id": "int?!", "_links": "object?",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/privileges") }},
	{"API key", "api_keys.go APIKey", members{
		"id": "int", "user_id": "int", "username": "string?", "label": "string", "api_key": "string?!", "expires_at": "string?!",
		"privileges": "list?",
	}, func(ctx context.Context, p *probe) ([]object, error) { return p.list(ctx, "/api_keys?view=overview") }},
	{"backup", "backups.go Backup", backupMembers(), readBackups},
	{"backup schedule", "backup_schedules.go BackupSchedule", members{
		"id": "int", "start_at": "string?", "start_date": "string?", "interval_seconds": "int", "capacity": "int?",
	}, readSchedules},
	{"session", "sessions.go Session", members{
		"username": "string", "factors": "strings", "group_memberships": "strings",
	}, func(ctx context.Context, p *probe) ([]object, error) {
		x, err := p.ownSession(ctx)
		if err != nil {
			return nil, err
		}
		o, err := x.object()
		return []object{o}, err
	}},
}

var discMembers = members{
	"id": "int", "label": "string", "size": "int", "storage_grade": "string", "storage_pool": "string", "virtual_machine_id": "int",
	"backup_count": "int?", "backups_enabled": "bool?", "backup_schedules": "list?", "iops_limit": "int?!",
	"new_storage_grade": "string?!", "new_storage_pool": "string?!", "migration_progress": "int?!", "migration_eta": "int?!",
	"migration_speed": "int?!", "resource_name": "string?!", "type": "string?",
}

func backupMembers() members {
	m := maps.Clone(discMembers)
	m["parent_disc_id"], m["manual"] = "int", "bool"
	return m
}

// shapeExpectations returns two expectations for each kind: of the types of its members, and which may be null.
func shapeExpectations() (list []expectation) {
	for _, k := range kinds {
		list = append(list, expectation{
			name: "Members of " + article(k.name) + " have the expected types", neededBy: k.neededBy,
			check: func(ctx context.Context, p *probe) (string, error) {
				objects, err := k.objects(ctx, p)
				if err != nil {
					return "", err
				}
				var wrong, unknown []string
				for _, o := range objects {
					w, _, u := k.members.compare(o)
					wrong, unknown = append(wrong, w...), append(unknown, u...)
				}
				seen := counted(len(objects))
				if len(unknown) > 0 {
					seen += "; unknown members: " + joined(unknown)
				}
				if len(wrong) > 0 {
					return "", differs("%s; of %s", joined(wrong), seen)
				}
				return seen, nil
			},
		}, expectation{
			name: "Members of " + article(k.name) + " are null only where expected", neededBy: k.neededBy,
			check: func(ctx context.Context, p *probe) (string, error) {
				objects, err := k.objects(ctx, p)
				if err != nil {
					return "", err
				}
				var nulls []string
				for _, o := range objects {
					_, n, _ := k.members.compare(o)
					nulls = append(nulls, n...)
				}
				if len(nulls) > 0 {
					return "", differs("null: %s; of %s", joined(nulls), counted(len(objects)))
				}
				return counted(len(objects)), nil
			},
		})
	}
	return list
}

func (k kind) objects(ctx context.Context, p *probe) ([]object, error) {
	objects, err := k.read(ctx, p)
	if err == nil && len(objects) == 0 {
		err = skip("no such object")
	}
	return objects, err
}

// compare returns the members of an object that have another type or are missing, that are null and should not be, and
// that are unknown.
func (m members) compare(o object) (wrong, nulls, unknown []string) {
	for name, want := range m {
		want, nullable := strings.CutSuffix(want, "!")
		want, optional := strings.CutSuffix(want, "?")
		value, present := o[name]
		switch {
		case !present && !optional:
			wrong = append(wrong, name+" is missing")
		case !present:
		case value == nil:
			if !nullable {
				nulls = append(nulls, name)
			}
		case !hasType(value, want):
			wrong = append(wrong, fmt.Sprintf("%s is %s, expected %s", name, typeOf(value), want))
		}
	}
	for name := range o {
		if _, known := m[name]; !known {
			unknown = append(unknown, memberName(name))
		}
	}
	return wrong, nulls, unknown
}

// memberName returns the name of a member, if it looks like one and not like a name of the user's.
func memberName(name string) string {
	if regexp.MustCompile(`^[a-z_]{1,40}$`).MatchString(name) {
		return name
	}
	return "(an unusual name)"
}

func hasType(value any, want string) bool {
	switch value := value.(type) {
	case json.Number:
		_, err := value.Int64()
		return want == "any" || want == "int" && err == nil
	case string:
		return want == "string" || want == "any" || want == "ip" && isIP(value)
	case bool:
		return want == "bool" || want == "any"
	case []any:
		return want == "list" || want == "any" || want == "strings" && !slices.ContainsFunc(value, isNotString) ||
			want == "ips" && !slices.ContainsFunc(value, isNotIP)
	case map[string]any:
		return want == "object" || want == "any" || want == "ip map" && isIPMap(value)
	}
	return false
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

func isNotString(value any) bool {
	_, ok := value.(string)
	return !ok
}

func isNotIP(value any) bool {
	text, ok := value.(string)
	return !ok || !isIP(text)
}

func isIPMap(value object) bool {
	for from, to := range value {
		if !isIP(from) || isNotIP(to) {
			return false
		}
	}
	return true
}

// typeOf returns the JSON type of a value.
func typeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case json.Number:
		return "a number"
	case string:
		if value == "" {
			return "an empty string"
		}
		return "a string"
	case bool:
		return strconv.FormatBool(value)
	case []any:
		return "an array"
	}
	return "an object"
}

// asList returns the objects of an array.
func asList(value any) ([]object, error) {
	array, ok := value.([]any)
	if !ok {
		return nil, differs("%s instead of an array", typeOf(value))
	}
	list := make([]object, 0, len(array))
	for _, element := range array {
		o, ok := element.(map[string]any)
		if !ok {
			return nil, differs("an array with %s instead of an object", typeOf(element))
		}
		list = append(list, o)
	}
	return list, nil
}

// joined returns distinct texts, sorted, at most eight of them.
func joined(texts []string) string {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if len(texts) > 8 {
		texts = append(texts[:8:8], fmt.Sprintf("%d more", len(texts)-8))
	}
	return strings.Join(texts, ", ")
}

func counted(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiAI") {
		return "an " + noun
	}
	return "a " + noun
}
