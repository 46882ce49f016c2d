package bigv

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bigv-go/bigv/internal/route"
)

// String returns the text form, such as acme or 41, which ParseAccountPath parses.
func (p AccountPath) String() string { return formatPath(p.segments(), accountDepth) }

// String returns the text form, such as web.acme or #78, which ParseGroupPath parses.
func (p GroupPath) String() string { return formatPath(p.segments(), groupDepth) }

// String returns the text form, such as www1.web.acme or #5012, which ParseVirtualMachinePath
// parses.
func (p VirtualMachinePath) String() string { return formatPath(p.segments(), machineDepth) }

// String returns the text form, such as root.www1.web.acme or #9001, which ParseDiscPath parses.
func (p DiscPath) String() string { return formatPath(p.segments(), discDepth) }

// String returns the text form, such as 6100.www1.web.acme or #6100, which ParseNICPath parses.
func (p NICPath) String() string { return formatPath(p.segments(), nicDepth) }

// String returns the text form, such as nightly.root.www1.web.acme or #9100, which ParseBackupPath
// parses.
func (p BackupPath) String() string { return formatPath(p.segments(), backupDepth) }

// display implements [resourcePath].
func (p AccountPath) display() string        { return string(p) }
func (p UserPath) display() string           { return string(p) }
func (p GroupPath) display() string          { return p.knownNames().String() }
func (p VirtualMachinePath) display() string { return p.knownNames().String() }
func (p DiscPath) display() string           { return p.knownNames().String() }

// display implements [resourcePath].
func (p NICPath) display() string {
	p.machine = p.machine.knownNames()
	return p.String()
}

// display implements [resourcePath].
func (p BackupPath) display() string {
	p.disc, p.backup = p.disc.knownNames(), cmp.Or(p.name, p.backup)
	return p.String()
}

// knownNames returns the path with the names that it knows in place of IDs, for display only.
func (p GroupPath) knownNames() GroupPath {
	p.group = cmp.Or(p.name, p.group)
	return p
}

// knownNames returns the path with the names that it knows in place of IDs, for display only.
func (p VirtualMachinePath) knownNames() VirtualMachinePath {
	p.group, p.machine = p.group.knownNames(), cmp.Or(p.name, p.machine)
	return p
}

// knownNames returns the path with the names that it knows in place of IDs, for display only.
func (p DiscPath) knownNames() DiscPath {
	p.machine, p.disc = p.machine.knownNames(), cmp.Or(p.name, p.disc)
	return p
}

// formatPath returns the text form of a path, the child first. If parents are missing, a # marks
// the last segment.
func formatPath(segments segments, depth int) string {
	if segments.n == 0 {
		return ""
	}
	for i, segment := range segments.list[:segments.n] {
		segments.list[i] = escapeSegment(segment)
	}
	if segments.n < depth {
		segments.list[segments.n-1] = "#" + segments.list[segments.n-1]
	}
	return strings.Join(segments.list[:segments.n], ".")
}

// escapeSegment escapes a segment as in a URL, and also the dot, which separates segments in the
// text form.
func escapeSegment(segment string) string {
	escaped := url.PathEscape(segment)
	if !strings.Contains(escaped, ".") {
		return escaped
	}
	return strings.ReplaceAll(escaped, ".", "%2E")
}

// clusterSuffix is the end of every host name of the service.
const clusterSuffix = ".uk0.bigv.io"

// parsePath parses the text form of a path with depth segments.
func parsePath(kind, text string, depth int) (segments []string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bigv: parsing %s path %q: %w", kind, text, err)
		}
	}()
	words := strings.Split(text, ".")
	if cut, ok := strings.CutSuffix(text, clusterSuffix); ok && len(words) == depth+3 {
		words = strings.Split(cut, ".")
	}
	last := words[len(words)-1]
	id, idOnly := strings.CutPrefix(last, "#")
	idOnly = idOnly || depth > accountDepth && len(words) == 1 && route.IsID(last)
	switch {
	case text == "":
		return nil, route.ErrEmpty
	case idOnly && len(words) >= depth && depth > accountDepth:
		return nil, errors.New("an ID with # has no parents")
	case slices.ContainsFunc(words[:len(words)-1], func(word string) bool { return strings.HasPrefix(word, "#") }):
		return nil, errors.New("only the last part can begin with #")
	case idOnly && !route.IsID(id):
		return nil, errors.New("# must be followed by an ID")
	case !idOnly && len(words) < depth:
		return nil, fmt.Errorf("want %s, got %d: write %s, or # and an ID", parts(depth), len(words), pathExample(kind, depth))
	case len(words) > depth:
		return nil, fmt.Errorf("want %s, got %d: write %s", parts(depth), len(words), pathExample(kind, depth))
	}
	if idOnly {
		words[len(words)-1] = id
	}
	segments = make([]string, len(words))
	for i, word := range words {
		if segments[i], err = url.PathUnescape(word); err != nil {
			return nil, err
		}
		if word == "" && depth-i == groupDepth && !idOnly {
			segments[i] = DefaultGroupName
		}
		if err := route.Check(segments[i]); err != nil {
			return nil, fmt.Errorf("part %d %w", i+1, err)
		}
	}
	return segments, nil
}

// parts returns a number of parts, for errors.
func parts(n int) string {
	if n == 1 {
		return "1 part"
	}
	return fmt.Sprintf("%d parts", n)
}

// pathExample returns an example of the text form for a kind of path.
func pathExample(kind string, depth int) string {
	parents := [...]string{accountDepth: "", groupDepth: ".account", machineDepth: ".group.account",
		discDepth: ".machine.group.account", backupDepth: ".disc.machine.group.account"}
	short := map[string]string{"virtual machine": "machine", "network interface": "nic"}
	return cmp.Or(short[kind], kind) + parents[depth]
}

// ParseAccountPath parses the name or ID of an account. A # before an ID and the domain of the
// service after the name are accepted.
func ParseAccountPath(text string) (AccountPath, error) {
	segments, err := parsePath("account", text, accountDepth)
	if err != nil {
		return "", err
	}
	return AccountPath(segments[0]), nil
}

// ParseGroupPath parses group.account, .account for the default group of the account, or #78. The
// domain of the service at the end is accepted. The # of an ID alone is optional, since an unquoted
// #78 begins a comment in YAML and in the shell.
func ParseGroupPath(text string) (GroupPath, error) {
	segments, err := parsePath("group", text, groupDepth)
	return groupOf(segments), err
}

// ParseVirtualMachinePath parses machine.group.account, machine..account for the default group of
// the account, or #5012. The domain of the service at the end is accepted, so
// VirtualMachine.Hostname can be parsed. The # of an ID alone is optional, since an unquoted #5012
// begins a comment in YAML and in the shell.
func ParseVirtualMachinePath(text string) (VirtualMachinePath, error) {
	segments, err := parsePath("virtual machine", text, machineDepth)
	return machineOf(segments), err
}

// ParseDiscPath parses disc.machine.group.account or #9001. The # of an ID alone is optional, since
// an unquoted #9001 begins a comment in YAML and in the shell.
func ParseDiscPath(text string) (DiscPath, error) {
	segments, err := parsePath("disc", text, discDepth)
	return discOf(segments), err
}

// ParseNICPath parses nic.machine.group.account or #6100. The first part must be an ID. The # of an
// ID alone is optional, since an unquoted #6100 begins a comment in YAML and in the shell.
func ParseNICPath(text string) (NICPath, error) {
	segments, err := parsePath("network interface", text, nicDepth)
	if err != nil || !route.IsID(segments[0]) {
		if err == nil {
			err = fmt.Errorf("bigv: parsing network interface path %q: a network interface has an ID and no name", text)
		}
		return NICPath{}, err
	}
	return NICPath{nic: segments[0], machine: machineOf(segments[1:]), idOnly: len(segments) == 1}, nil
}

// ParseBackupPath parses backup.disc.machine.group.account or #9100. The # of an ID alone is
// optional, since an unquoted #9100 begins a comment in YAML and in the shell.
func ParseBackupPath(text string) (BackupPath, error) {
	segments, err := parsePath("backup", text, backupDepth)
	if err != nil {
		return BackupPath{}, err
	}
	return BackupPath{backup: segments[0], disc: discOf(segments[1:]), idOnly: len(segments) == 1}, nil
}

// groupOf returns the path for the parsed segments, which may be none.
func groupOf(segments []string) (p GroupPath) {
	switch len(segments) {
	case 0:
	case 1:
		p = groupIDOnly(segments[0])
	default:
		p = AccountPath(segments[1]).Group(segments[0])
	}
	return p
}

// machineOf returns the path for the parsed segments, which may be none.
func machineOf(segments []string) (p VirtualMachinePath) {
	if len(segments) > 0 {
		p = VirtualMachinePath{machine: segments[0], group: groupOf(segments[1:]), idOnly: len(segments) == 1}
	}
	return p
}

// discOf returns the path for the parsed segments, which may be none.
func discOf(segments []string) (p DiscPath) {
	if len(segments) > 0 {
		p = DiscPath{disc: segments[0], machine: machineOf(segments[1:]), idOnly: len(segments) == 1}
	}
	return p
}

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p AccountPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p GroupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p VirtualMachinePath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p DiscPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p NICPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler. It returns the result of String, which is empty
// for the zero path.
func (p BackupPath) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseAccountPath; empty
// text gives the zero path.
func (p *AccountPath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseAccountPath)
}

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseGroupPath; empty text
// gives the zero path.
func (p *GroupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseGroupPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseVirtualMachinePath;
// empty text gives the zero path.
func (p *VirtualMachinePath) UnmarshalText(text []byte) error {
	return unmarshalPath(p, text, ParseVirtualMachinePath)
}

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseDiscPath; empty text
// gives the zero path.
func (p *DiscPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseDiscPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseNICPath; empty text
// gives the zero path.
func (p *NICPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseNICPath) }

// UnmarshalText implements encoding.TextUnmarshaler. It parses text with ParseBackupPath; empty
// text gives the zero path.
func (p *BackupPath) UnmarshalText(text []byte) error { return unmarshalPath(p, text, ParseBackupPath) }

// unmarshalPath sets p to the path that parse returns for text, or to the zero path for empty text.
func unmarshalPath[P any](p *P, text []byte, parse func(string) (P, error)) error {
	var path P
	if len(text) > 0 {
		var err error
		if path, err = parse(string(text)); err != nil {
			return err
		}
	}
	*p = path
	return nil
}
