package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bigv-go/bigv"
)

// conditions are the attributes that limit the use of a privilege.
type conditions struct {
	yubikeyRequired bool
	maxAge          bigv.Nullable[int] // of a YubiKey's code, in seconds
	ipRestrictions  json.RawMessage
}

// String describes the conditions, each with a comma before it.
func (c conditions) String() (text string) {
	if c.yubikeyRequired {
		text += ", with a YubiKey"
	}
	if age, ok := c.maxAge.Get(); ok {
		text += fmt.Sprintf(", YubiKey code at most %s old", plural(age, "second"))
	}
	if c.restrictsIPs() {
		text += ", only from " + string(c.ipRestrictions)
	}
	return text
}

func (c conditions) restrictsIPs() bool {
	return len(c.ipRestrictions) > 0 && string(c.ipRestrictions) != "null"
}

// add adds the conditions of a privilege that is to be replaced, so that the new one is not easier to use. It returns
// an error if they cannot be combined.
func (c *conditions) add(p bigv.Privilege) error {
	c.yubikeyRequired = c.yubikeyRequired || p.YubikeyRequired
	age, limited := c.maxAge.Get()
	if other, ok := p.YubikeyOTPMaxAge.Get(); ok && (!limited || other < age) {
		c.maxAge = p.YubikeyOTPMaxAge
	}
	replaced := conditions{ipRestrictions: p.IPRestrictions}
	if replaced.restrictsIPs() && c.restrictsIPs() && string(c.ipRestrictions) != string(p.IPRestrictions) {
		return errors.New("it would replace privileges with different IP restrictions: grant it by hand")
	}
	if replaced.restrictsIPs() {
		c.ipRestrictions = p.IPRestrictions
	}
	return nil
}

// change is one request to send.
type change struct {
	text  string
	about string // additions and removals about the same depend on each other, such as "keys of alice"
	apply func(context.Context) error
}

func (c change) removes() bool { return strings.HasPrefix(c.text, "-") }

type planOptions struct{ allowEmpty, own bool }

// plan returns the changes that make the current state match the wanted list, and notes about what is not changed.
// Additions come before removals, so that replacing a privilege or a key never leaves a user without access.
func plan(
	ctx context.Context, client *bigv.Client, current *state, wanted accessList, options planOptions,
) (changes []change, notes []string, err error) {
	users, err := wanted.resolve(ctx, client, current)
	if err != nil {
		return nil, nil, err
	}
	listed := map[string]bool{}     // privileges, as current.describe describes them
	first := map[string]privilege{} // the entry that lists it first
	type addition struct {
		user string
		privilege
		on target
	}
	var additions []addition
	for _, user := range slices.Sorted(maps.Keys(users)) {
		for _, p := range users[user].Privileges {
			on, err := current.find(ctx, client, p)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %s: %w", user, p, err)
			}
			text := current.describe(user, p.Level, on)
			if !listed[text] {
				listed[text], first[text] = true, p
				additions = append(additions, addition{user, p, on})
			} else if !p.hasConditionsOf(first[text]) {
				return nil, nil, fmt.Errorf("%s is listed twice, with different conditions", text)
			}
		}
	}
	for _, a := range additions {
		more, note, err := current.planPrivilege(client, a.user, a.privilege, a.on, listed, options)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, more...)
		if note != "" {
			notes = append(notes, note)
		}
	}
	var removals []change
	for _, user := range slices.Sorted(maps.Keys(users)) {
		switch keys := users[user].Keys; {
		case keys == nil:
		case len(keys) == 0 && !options.allowEmpty:
			notes = append(notes, "the keys of "+user+" are not removed: their list is empty; see -allow-empty")
		default:
			keyAdditions, keyRemovals, err := planKeys(ctx, client, user, keys)
			if err != nil {
				return nil, nil, err
			}
			changes = append(changes, keyAdditions...)
			if current.isCaller(user) && !options.own {
				for _, removal := range keyRemovals {
					notes = append(notes, strings.TrimPrefix(removal.text, "- ")+" is not removed: it is your own; see -own")
				}
				continue
			}
			removals = append(removals, keyRemovals...)
		}
	}
	for _, p := range current.privileges {
		text := current.describe(p.Username, p.Level, p.on)
		access, isListed := users[p.Username]
		kept := ""
		switch {
		case p.APIKeyID != 0 || listed[text] || !current.canChange(p.Level, p.on):
			continue
		case len(listed) == 0 && !options.allowEmpty:
			kept = "the file has no privileges; see -allow-empty"
		case isListed && len(access.Privileges) == 0 && !options.allowEmpty:
			kept = "the file has the user without privileges; leave the user out, or see -allow-empty"
		case current.isCaller(p.Username) && !options.own:
			kept = "it is your own; see -own"
		}
		if kept != "" {
			notes = append(notes, text+" is not revoked: "+kept)
			continue
		}
		removals = append(removals, change{"- " + text, "privileges of " + p.Username, func(ctx context.Context) error {
			return client.Privileges.Revoke(ctx, p.ID)
		}})
	}
	return append(changes, removals...), notes, nil
}

// planPrivilege returns the changes that give a user a privilege with the conditions in the file. The conditions that
// are not in the file keep their values, or are those of the privileges that the new one replaces.
func (s *state) planPrivilege(
	client *bigv.Client, user string, p privilege, on target, listed map[string]bool, options planOptions,
) (changes []change, note string, err error) {
	text := s.describe(user, p.Level, on)
	var c conditions
	found := false
	for _, existing := range s.privileges {
		switch existingText := s.describe(existing.Username, existing.Level, existing.on); {
		case existing.APIKeyID != 0 || existing.Username != user:
		case existingText == text:
			found = true
			var update bigv.PrivilegeUpdate
			if p.YubikeyRequired != nil && *p.YubikeyRequired != existing.YubikeyRequired {
				update.YubikeyRequired = p.YubikeyRequired
			}
			if age, ok := existing.YubikeyOTPMaxAge.Get(); p.YubikeyOTPMaxAge != nil && (!ok || age != *p.YubikeyOTPMaxAge) {
				update.YubikeyOTPMaxAge = bigv.Set(*p.YubikeyOTPMaxAge)
			}
			switch {
			case update.YubikeyRequired == nil && update.YubikeyOTPMaxAge.IsZero():
			case !s.canChange(p.Level, on):
				note = text + " is not changed: it is not below your own level"
			case s.isCaller(user) && !options.own:
				note = text + " is not changed: it is your own; see -own"
			default:
				after := p.conditions(conditions{existing.YubikeyRequired, existing.YubikeyOTPMaxAge, existing.IPRestrictions}).String()
				if update.YubikeyRequired != nil && !*update.YubikeyRequired {
					after = ", without a YubiKey" + after
				}
				changes = append(changes, change{"~ " + text + after, "privileges of " + user, func(ctx context.Context) error {
					_, err := client.Privileges.Update(ctx, existing.ID, update)
					return err
				}})
			}
		case !listed[existingText] && existing.on.overlaps(on):
			if err := c.add(existing.Privilege); err != nil {
				return nil, "", fmt.Errorf("%s: %w", text, err)
			}
		}
	}
	if found {
		return changes, note, nil
	}
	if !s.canChange(p.Level, on) {
		return nil, text + " is not granted: only Bytemark's staff can see or grant a level that is not below your own", nil
	}
	c = p.conditions(c)
	return []change{{"+ " + text + c.String(), "privileges of " + user, func(ctx context.Context) error {
		grant := bigv.PrivilegeGrant{Level: p.Level, YubikeyRequired: &c.yubikeyRequired, YubikeyOTPMaxAge: c.maxAge}
		if c.restrictsIPs() {
			grant.IPRestrictions = bigv.Set(c.ipRestrictions)
		}
		switch {
		case on.machine != 0:
			grant.VirtualMachine = bigv.VirtualMachineID(on.machine)
		case on.group != 0:
			grant.Group = bigv.GroupID(on.group)
		default:
			grant.Account = bigv.AccountID(s.account.ID)
		}
		granted, err := client.Privileges.Grant(ctx, bigv.UserPath(user), grant)
		if err == nil && granted.ID != 0 && c.yubikeyRequired && !granted.YubikeyRequired {
			err = errors.New("the service granted it, but does not require a YubiKey")
		}
		return err
	}}}, "", nil
}

// conditions returns the conditions that the privilege has if those that are not in the file are c.
func (p privilege) conditions(c conditions) conditions {
	if p.YubikeyRequired != nil {
		c.yubikeyRequired = *p.YubikeyRequired
	}
	if p.YubikeyOTPMaxAge != nil {
		c.maxAge = bigv.Set(*p.YubikeyOTPMaxAge)
	}
	return c
}

// hasConditionsOf reports whether the file has the same conditions for two privileges.
func (p privilege) hasConditionsOf(other privilege) bool {
	return reflect.DeepEqual(p.YubikeyRequired, other.YubikeyRequired) && reflect.DeepEqual(p.YubikeyOTPMaxAge, other.YubikeyOTPMaxAge)
}

// planKeys returns the changes that make a user's SSH keys match those wanted.
func planKeys(ctx context.Context, client *bigv.Client, user string, wanted []string) (additions, removals []change, err error) {
	path := bigv.UserPath(user)
	u, err := client.Users.Get(ctx, path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the keys of %s: %w", user, err)
	}
	current := u.Keys()
	about := "keys of " + user
	for i, key := range wanted {
		if !slices.Contains(current, key) && !slices.Contains(wanted[:i], key) {
			text := fmt.Sprintf("+ %s: key %s", user, describeKey(key))
			additions = append(additions, change{text, about, func(ctx context.Context) error {
				_, err := client.Users.AddKey(ctx, path, key)
				return err
			}})
		}
	}
	for _, key := range current {
		if !slices.Contains(wanted, key) {
			text := fmt.Sprintf("- %s: key %s", user, describeKey(key))
			removals = append(removals, change{text, about, func(ctx context.Context) error {
				_, err := client.Users.RemoveKey(ctx, path, key)
				return err
			}})
		}
	}
	return additions, removals, nil
}

// describeKey returns a key's type, SHA-256 fingerprint and comment.
func describeKey(line string) string {
	key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return line
	}
	return strings.TrimSpace(key.Type() + " " + ssh.FingerprintSHA256(key) + " " + comment)
}

// apply applies the changes and prints the result of each. It continues after a change that fails, but removes nothing
// whose replacement failed. When ctx ends, it finishes the change in progress and prints what is left.
func apply(ctx context.Context, changes []change, out io.Writer) error {
	fmt.Fprintln(out)
	made, failed, skipped := 0, 0, 0
	incomplete := map[string]bool{}
	for _, c := range changes {
		if ctx.Err() != nil {
			printf(out, "  %s: not started\n", c.text)
			continue
		}
		if c.removes() && incomplete[c.about] {
			skipped++
			printf(out, "  %s: SKIPPED, because another change to the %s failed\n", c.text, c.about)
			continue
		}
		changeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		err := c.apply(changeCtx)
		cancel()
		if err != nil {
			failed++
			incomplete[c.about] = incomplete[c.about] || !c.removes()
			printf(out, "  %s: FAILED: %s\n", c.text, err)
			continue
		}
		made++
		printf(out, "  %s: done\n", c.text)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %d of %s made, %d failed; run the program again for the rest",
			context.Cause(ctx), made, plural(len(changes), "change"), failed)
	case skipped > 0:
		return fmt.Errorf("%d of %s failed, %d skipped", failed, plural(len(changes), "change"), skipped)
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, plural(len(changes), "change"))
	}
	return nil
}
