package bigvtest

import (
	"slices"

	"github.com/bigv-go/bigv"
)

// rank orders the privilege levels. 0 means no privilege.
type rank int

var levelRanks = map[bigv.PrivilegeLevel]rank{
	bigv.VirtualMachineConsole: 1, bigv.VirtualMachineAdmin: 2, bigv.GroupAdmin: 3, bigv.AccountAdmin: 4,
	bigv.ClusterAdmin: 5, bigv.ClusterSU: 6,
}

// levelTargets maps each level to the attribute that names what a privilege applies to. Cluster levels
// have none.
var levelTargets = map[bigv.PrivilegeLevel]string{
	bigv.AccountAdmin: "account_id", bigv.GroupAdmin: "group_id",
	bigv.VirtualMachineAdmin: "virtual_machine_id", bigv.VirtualMachineConsole: "virtual_machine_id",
}

// permissions holds what a caller can see and change, according to the privileges that currently apply.
type permissions struct {
	user   *user
	apiKey *apiKey

	clusterRank  rank
	accountRanks map[*account]rank
	groupRanks   map[*group]rank
	machineRanks map[*machine]rank
	// The parents of a visible object are visible too.
	parentAccounts map[*account]bool
	parentGroups   map[*group]bool
}

// permissionsOf returns the permissions of a user with a session or an API key.
func (st *state) permissionsOf(u *user, key *apiKey, session *session) *permissions {
	perms := &permissions{user: u, apiKey: key}
	for _, p := range u.privileges {
		if p.apiKey != key || !st.privilegeApplies(p, session) {
			continue
		}
		r := levelRanks[p.level]
		switch {
		case p.machine != nil:
			raiseRank(&perms.machineRanks, p.machine, r)
			addToSet(&perms.parentGroups, p.machine.group)
			addToSet(&perms.parentAccounts, p.machine.group.account)
		case p.group != nil:
			raiseRank(&perms.groupRanks, p.group, r)
			addToSet(&perms.parentAccounts, p.group.account)
		case p.account != nil:
			raiseRank(&perms.accountRanks, p.account, r)
		default:
			perms.clusterRank = max(perms.clusterRank, r)
		}
	}
	return perms
}

// privilegeApplies reports whether the session meets the conditions of a privilege.
func (st *state) privilegeApplies(p *privilege, session *session) bool {
	if session == nil {
		return !p.passwordRequired && !p.yubikeyRequired
	}
	if slices.Contains(session.factors, "impersonated") {
		return true
	}
	if p.yubikeyRequired && !slices.Contains(session.factors, "yubikey") {
		return false
	}
	if age := p.yubikeyMaxAge; p.yubikeyRequired && age != nil && st.clock.now.Sub(session.startedAt) > seconds(*age) {
		return false
	}
	return !p.passwordRequired || slices.Contains(session.factors, "password")
}

func raiseRank[K comparable](ranks *map[K]rank, key K, r rank) {
	if *ranks == nil {
		*ranks = map[K]rank{}
	}
	(*ranks)[key] = max((*ranks)[key], r)
}

func addToSet[K comparable](set *map[K]bool, key K) {
	if *set == nil {
		*set = map[K]bool{}
	}
	(*set)[key] = true
}

func (perms *permissions) accountRank(a *account) rank {
	return max(perms.clusterRank, perms.accountRanks[a])
}

func (perms *permissions) groupRank(g *group) rank {
	return max(perms.accountRank(g.account), perms.groupRanks[g])
}

func (perms *permissions) machineRank(m *machine) rank {
	return max(perms.groupRank(m.group), perms.machineRanks[m])
}

// rankOver returns the caller's rank on the target of a privilege.
func (perms *permissions) rankOver(p *privilege) rank {
	switch {
	case p.machine != nil:
		return perms.machineRank(p.machine)
	case p.group != nil:
		return perms.groupRank(p.group)
	case p.account != nil:
		return perms.accountRank(p.account)
	}
	return perms.clusterRank
}

func (perms *permissions) canSeeAccount(a *account) bool {
	return perms.accountRank(a) > 0 || perms.parentAccounts[a]
}

func (perms *permissions) canSeeGroup(g *group) bool {
	return perms.groupRank(g) > 0 || perms.parentGroups[g]
}

func (perms *permissions) canSeeMachine(m *machine) bool { return perms.machineRank(m) > 0 }

// canSeeUser reports whether the caller is the user, administers something on which the user has a
// privilege, or is staff.
func (perms *permissions) canSeeUser(u *user) bool {
	if u == perms.user || perms.isStaff() {
		return true
	}
	return slices.ContainsFunc(u.privileges, func(p *privilege) bool { return perms.rankOver(p) > levelRanks[p.level] })
}

func (perms *permissions) isStaff() bool { return perms.clusterRank >= levelRanks[bigv.ClusterAdmin] }

// ownsOrStaff reports whether the caller may change the user and what belongs to the user. An API key
// may not change its own user.
func (perms *permissions) ownsOrStaff(u *user) bool {
	return u == perms.user && perms.apiKey == nil || perms.isStaff()
}

// authorize returns an error if the caller's rank is below the required level. In a suspended account
// only staff are authorized.
func (q *request) authorize(callerRank rank, level bigv.PrivilegeLevel, a *account) error {
	if callerRank < levelRanks[level] || a != nil && a.suspended && !q.caller.isStaff() {
		return errForbidden
	}
	return nil
}
