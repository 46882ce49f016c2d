package bigv_test

import (
	"context"
	"slices"

	"github.com/bigv-go/bigv"
)

// Users returns the rows of UsersService.
func (wireRows) Users() []wireRow { return slices.Concat(userRows(), userRefusedRows()) }

func userRows() []wireRow {
	rows := inAllVariants([]pathVariant[bigv.UserPath]{
		{"by name", nil, "alice", nil, "/users/alice"},
		{"by ID", nil, bigv.UserID(12), nil, "/users/12"},
		{"in the flat style", flat, "alice", nil, "/users/alice"},
	}, []variantRow[bigv.UserPath]{
		{"Users.Get", usersGet, "GET {}"},
		{
			"Users.Update of the keys",
			func(p bigv.UserPath) callFunc {
				return usersUpdate(p, bigv.UserUpdate{AuthorizedKeys: new("ssh-rsa AAAA one\nssh-rsa BBBB two")})
			},
			`PUT {} {"authorized_keys":"ssh-rsa AAAA one\nssh-rsa BBBB two"}`,
		},
		{
			"Users.Update of the keys to an empty string",
			func(p bigv.UserPath) callFunc { return usersUpdate(p, bigv.UserUpdate{AuthorizedKeys: new("")}) },
			`PUT {} {"authorized_keys":""}`,
		},
		{
			"Users.Update of the password",
			func(p bigv.UserPath) callFunc {
				return usersUpdate(p, bigv.UserUpdate{Password: bigv.NewSecret("sesame")})
			},
			`PUT {} {"password":"sesame"}`,
		},
		{"Users.Delete", usersDelete, "DELETE {}"},
	})
	const getAlice = "GET /users/alice"
	keys := responses{
		getAlice: `{"id":12,"username":"alice",` +
			`"authorized_keys":"ssh-rsa AAAA laptop\n\n ssh-rsa BBBB my desk \r\nssh-rsa CCCC laptop2\n\n"}`,
	}
	twice := responses{
		getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa AAAA laptop\nssh-rsa BBBB desk"}`,
	}
	one := responses{getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\n"}`}
	none := responses{getAlice: `{"id":12,"username":"alice","authorized_keys":null}`}
	notRemoved := func(name, key, text string) wireRow {
		return wireRow{
			name: "Users.RemoveKey writes nothing for " + name, call: usersRemoveKey("alice", key),
			responses: responses{getAlice: `{"id":12,"authorized_keys":"ssh-rsa AAAA desk\nssh-rsa BBBB desk\nssh-rsa CCCC"}`},
			sent:      []string{getAlice}, wantErr: []any{"remove key from user alice", text},
		}
	}
	return append(rows, []wireRow{
		{name: "Users.List", call: usersList(), sent: []string{"GET /users"}},
		{
			name: "Users.List in the flat style", opts: flat, call: usersList(),
			responses: responses{"GET /users": `[{"id":12,"username":"alice"}]`}, sent: []string{"GET /users"},
			want: []bigv.User{{ID: 12, Username: "alice"}},
		},
		{name: "Users.Create", call: usersCreate(bigv.UserCreate{Username: "carol"}), sent: []string{`POST /users {"username":"carol"}`}},
		{
			name: "Users.Create with everything",
			call: usersCreate(
				bigv.UserCreate{Username: "carol", Email: "c@example.org", Password: bigv.NewSecret("sesame"), AccountName: "new"},
			),
			sent: []string{`POST /users {"username":"carol","email":"c@example.org","password":"sesame","account_name":"new"}`},
		},

		{
			name: "Users.AddKey keeps the others", call: usersAddKey("alice", " ssh-ed25519 DDDD new\n"), responses: keys,
			sent: []string{
				getAlice,
				`PUT /users/alice {"authorized_keys":` +
					`"ssh-rsa AAAA laptop\nssh-rsa BBBB my desk\nssh-rsa CCCC laptop2\nssh-ed25519 DDDD new"}`,
			},
		},
		{
			name: "Users.AddKey adds the first key", call: usersAddKey("alice", "ssh-ed25519 DDDD"), responses: none,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"ssh-ed25519 DDDD"}`},
		},
		{
			name: "Users.AddKey writes nothing if the user has the key", call: usersAddKey("alice", "ssh-rsa BBBB my desk"),
			responses: keys,
			sent:      []string{getAlice},
		},
		{
			name: "Users.AddKey with options", responses: none,
			call: usersAddKey("alice", `no-pty,command="a b" `+
				`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o`),
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"no-pty,command=\"a b\" ` +
				`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o"}`},
		},
		{
			name: "Users.AddKey by ID", call: usersAddKey(bigv.UserID(12), "ssh-rsa AAAA one"),
			responses: responses{"GET /users/12": `{"id":12,"authorized_keys":null}`},
			sent:      []string{"GET /users/12", `PUT /users/12 {"authorized_keys":"ssh-rsa AAAA one"}`},
		},
		{
			name: "Users.AddKey: a response without the keys would lose them", call: usersAddKey("alice", "ssh-rsa AAAA one"),
			responses: responses{getAlice: `{"id":12,"username":"alice"}`}, sent: []string{getAlice},
			wantErr: []any{bigv.ErrInvalidResponse, "nothing was changed", "the keys are missing"},
		},
		{
			name: "Users.RemoveKey by line", call: usersRemoveKey("alice", " ssh-rsa CCCC laptop2 "), responses: keys,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa BBBB my desk"}`},
		},
		{
			name: "Users.RemoveKey by comment", call: usersRemoveKey("alice", "laptop"), responses: keys,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa BBBB my desk\nssh-rsa CCCC laptop2"}`},
		},
		{
			name: "Users.RemoveKey by a comment of two words", call: usersRemoveKey("alice", "my desk"), responses: keys,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa CCCC laptop2"}`},
		},
		{
			name: "Users.RemoveKey removes duplicates of the line", call: usersRemoveKey("alice", "ssh-rsa AAAA laptop"), responses: twice,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa BBBB desk"}`},
		},
		{
			name: "Users.RemoveKey of the last key sends an empty string", call: usersRemoveKey("alice", "laptop"), responses: one,
			sent: []string{getAlice, `PUT /users/alice {"authorized_keys":""}`},
		},
		{
			name: "Users.RemoveKey of a user without keys", call: usersRemoveKey("alice", "laptop"), responses: none,
			sent: []string{getAlice}, wantErr: []any{bigv.ErrNotFound},
		},
		{
			name: "Users.RemoveKey keeps a line that is no key", call: usersRemoveKey("alice", "laptop"),
			responses: responses{getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\nold line"}`},
			sent:      []string{getAlice, `PUT /users/alice {"authorized_keys":"old line"}`},
		},
		notRemoved("a comment that two keys have", "desk", `2 keys have the comment "desk": pass the whole line of one of them`),
		notRemoved("a comment that no key has", "lap", `the user has no key with the line or comment "lap"`),
		notRemoved("a part of a line", "BBBB", `the user has no key with the line or comment`),
		notRemoved("an empty comment", "", `the user has no key with the line or comment`),
	}...)
}

// userRefusedRows returns rows of calls that are refused before anything is sent.
func userRefusedRows() []wireRow {
	return []wireRow{
		{name: "Users.Create with a name of digits", call: usersCreate(bigv.UserCreate{Username: "12"}), wantErr: []any{"all digits"}},
		{
			name:    "Users.Update with a line that is no key",
			call:    usersUpdate("alice", bigv.UserUpdate{AuthorizedKeys: new("# mine\nssh-rsa AAAA one\n\nnot a key\n")}),
			wantErr: []any{"authorized_keys: line 4: key must be one line of an SSH public key"},
		},
		{name: "Users.AddKey with two lines", call: usersAddKey("alice", "ssh-rsa AAAA a\nssh-rsa BBBB b"), wantErr: []any{"one line"}},
		{
			name: "Users.AddKey with a second line after a carriage return", call: usersAddKey("alice", "ssh-rsa AAAA a\rssh-rsa BBBB b"),
			wantErr: []any{"one line"},
		},
		{name: "Users.AddKey without a key", call: usersAddKey("alice", " "), wantErr: []any{"one line"}},
		{name: "Users.AddKey with one word", call: usersAddKey("alice", "AAAA"), wantErr: []any{"one line"}},
		{name: "Users.AddKey with words", call: usersAddKey("alice", "not a key"), wantErr: []any{"one line"}},
		{name: "Users.AddKey with a type and no key", call: usersAddKey("alice", "no-pty ssh-rsa"), wantErr: []any{"one line"}},
		{name: "Users.AddKey with a type and words", call: usersAddKey("alice", "ssh-rsa of my laptop"), wantErr: []any{"one line"}},
		{
			name: "Users.AddKey with a key of another type", wantErr: []any{"one line"},
			call: usersAddKey("alice", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop"),
		},
		{
			name: "Users.List with a reserved header", call: usersList(bigv.WithHeader("authorization", "x")),
			wantErr: []any{"is set by the client"},
		},
		{
			name: "Users.List with a header value of two lines", call: usersList(bigv.WithHeader("X-A", "x\r\nX-B: y")),
			wantErr: []any{"contains a control character"},
		},
		{name: "Users.List with a nil response", call: usersList(bigv.WithResponse(nil)), wantErr: []any{"is nil"}},
	}
}

// The functions below return a call of the UsersService method in their name, for rows.

func usersList(opts ...bigv.CallOption) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Users.List(ctx, opts...) }
}

func usersGet(user bigv.UserPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Users.Get(ctx, user) }
}

func usersUpdate(user bigv.UserPath, update bigv.UserUpdate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Users.Update(ctx, user, update) }
}

func usersAddKey(user bigv.UserPath, key string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Users.AddKey(ctx, user, key) }
}

func usersRemoveKey(user bigv.UserPath, keyOrComment string) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) {
		return c.Users.RemoveKey(ctx, user, keyOrComment)
	}
}

func usersCreate(user bigv.UserCreate) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return c.Users.Create(ctx, user) }
}

func usersDelete(user bigv.UserPath) callFunc {
	return func(ctx context.Context, c *bigv.Client) (any, error) { return nil, c.Users.Delete(ctx, user) }
}
