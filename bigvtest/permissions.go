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

// levelTargets maps each level to the attribute that names what a privilege applies to. Cluster levels have none.
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
	s := &permissions{user: u, apiKey: key}
	for _, p := range u.privileges {
		if p.apiKey != key || !st.privilegeApplies(p, session) {
			continue
		}
		r := levelRanks[p.level]
		switch {
		case p.machine != nil:
			raiseRank(&s.machineRanks, p.machine, r)
			addToSet(&s.parentGroups, p.machine.group)
			addToSet(&s.parentAccounts, p.machine.group.account)
		case p.group != nil:
			raiseRank(&s.groupRanks, p.group, r)
			addToSet(&s.parentAccounts, p.group.account)
		case p.account != nil:
			raiseRank(&s.accountRanks, p.account, r)
		default:
			s.clusterRank = max(s.clusterRank, r)
		}
	}
	return s
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

func raiseRank[K comparable](ranks *map[K]rank, on K, r rank) {
	if *ranks == nil {
		*ranks = map[K]rank{}
	}
	(*ranks)[on] = max((*ranks)[on], r)
}

func addToSet[K comparable](cfg *map[K]bool, on K) {
	if *cfg == nil {
		*cfg = map[K]bool{}
	}
	(*cfg)[on] = true
}

func (s *permissions) accountRank(a *account) rank { return max(s.clusterRank, s.accountRanks[a]) }

func (s *permissions) groupRank(g *group) rank { return max(s.accountRank(g.account), s.groupRanks[g]) }

func (s *permissions) machineRank(m *machine) rank {
	return max(s.groupRank(m.group), s.machineRanks[m])
}

// rankOver returns the caller's rank on the target of a privilege.
func (s *permissions) rankOver(p *privilege) rank {
	switch {
	case p.machine != nil:
		return s.machineRank(p.machine)
	case p.group != nil:
		return s.groupRank(p.group)
	case p.account != nil:
		return s.accountRank(p.account)
	}
	return s.clusterRank
}

func (s *permissions) canSeeAccount(a *account) bool {
	return s.accountRank(a) > 0 || s.parentAccounts[a]
}

func (s *permissions) canSeeGroup(g *group) bool { return s.groupRank(g) > 0 || s.parentGroups[g] }

func (s *permissions) canSeeMachine(m *machine) bool { return s.machineRank(m) > 0 }

// canSeeUser reports whether the caller is the user, administers something on which the user has a privilege, or is
// staff.
func (s *permissions) canSeeUser(u *user) bool {
	if u == s.user || s.isStaff() {
		return true
	}
	return slices.ContainsFunc(u.privileges, func(p *privilege) bool { return s.rankOver(p) > levelRanks[p.level] })
}

func (s *permissions) isStaff() bool { return s.clusterRank >= levelRanks[bigv.ClusterAdmin] }

// ownsOrStaff reports whether the caller may change the user and what belongs to the user. An API key may not change
// its own user.
func (s *permissions) ownsOrStaff(u *user) bool { return u == s.user && s.apiKey == nil || s.isStaff() }

// authorize returns an error if the caller's rank is below the required level. In a suspended account only staff are
// authorized.
func (q *request) authorize(has rank, level bigv.PrivilegeLevel, a *account) error {
	if has < levelRanks[level] || a != nil && a.suspended && !q.caller.isStaff() {
		return errForbidden
	}
	return nil
}
