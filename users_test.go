package bigv_test

import (
	"testing"

	"github.com/bigv-go/bigv"
)

func userRows() []wireRow {
	rows := inAllWays([]way[bigv.UserPath]{
		{"by name", nil, "alice", nil, "/users/alice"},
		{"by ID", nil, bigv.UserID(12), nil, "/users/12"},
		{"in the flat style", flat, "alice", nil, "/users/alice"},
	},
		write{"Users.Get", nil, "GET {}"},
		write{"Users.Update of nothing", args{bigv.UserUpdate{}}, "PUT {} {}"},
		write{"Users.Update of the keys", args{bigv.UserUpdate{AuthorizedKeys: new("ssh-rsa AAAA one\nssh-rsa BBBB two")}}, `PUT {} {"authorized_keys":"ssh-rsa AAAA one\nssh-rsa BBBB two"}`},
		write{"Users.Update that removes all keys", args{bigv.UserUpdate{AuthorizedKeys: new("")}}, `PUT {} {"authorized_keys":""}`},
		write{"Users.Update of the password", args{bigv.UserUpdate{Password: bigv.NewSecret("sesame")}}, `PUT {} {"password":"sesame"}`},
		write{"Users.Delete", nil, "DELETE {}"},
	)
	const getAlice = "GET /users/alice"
	keys := answers{getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\n\n ssh-rsa BBBB my desk \r\nssh-rsa CCCC laptop2\n\n"}`}
	twice := answers{getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa AAAA laptop\nssh-rsa BBBB desk"}`}
	one := answers{getAlice: `{"id":12,"username":"alice","authorized_keys":"ssh-rsa AAAA laptop\n"}`}
	none := answers{getAlice: `{"id":12,"username":"alice","authorized_keys":null}`}
	return append(rows, []wireRow{
		{name: "Users.List", args: args{}, sends: sends{"GET /users"}},
		{name: "Users.List has one style", opts: flat, args: args{}, answers: answers{"GET /users": `[{"id":12,"username":"alice"}]`}, sends: sends{"GET /users"},
			want: []bigv.User{{ID: 12, Username: "alice"}}},
		{name: "Users.Create", args: args{bigv.UserCreate{Username: "carol"}}, sends: sends{`POST /users {"username":"carol"}`}},
		{name: "Users.Create with everything", args: args{bigv.UserCreate{Username: "carol", Email: "c@example.org", Password: bigv.NewSecret("sesame"), AccountName: "new"}},
			sends: sends{`POST /users {"username":"carol","email":"c@example.org","password":"sesame","account_name":"new"}`}},

		{name: "Users.AddKey keeps the others", args: args{"alice", " ssh-ed25519 DDDD new\n"}, answers: keys,
			sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa BBBB my desk\nssh-rsa CCCC laptop2\nssh-ed25519 DDDD new"}`}},
		{name: "Users.AddKey of the first", args: args{"alice", "ssh-ed25519 DDDD"}, answers: none, sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-ed25519 DDDD"}`}},
		{name: "Users.AddKey of one that is there writes nothing", args: args{"alice", "ssh-rsa BBBB my desk"}, answers: keys, sends: sends{getAlice}},
		{name: "Users.AddKey by ID", args: args{bigv.UserID(12), "ssh-rsa AAAA one"}, sends: sends{"GET /users/12", `PUT /users/12 {"authorized_keys":"ssh-rsa AAAA one"}`}},
		{name: "Users.RemoveKey by line", args: args{"alice", " ssh-rsa CCCC laptop2 "}, answers: keys,
			sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa BBBB my desk"}`}},
		{name: "Users.RemoveKey by comment", args: args{"alice", "laptop"}, answers: keys,
			sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa BBBB my desk\nssh-rsa CCCC laptop2"}`}},
		{name: "Users.RemoveKey by a comment of two words", args: args{"alice", "my desk"}, answers: keys,
			sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa AAAA laptop\nssh-rsa CCCC laptop2"}`}},
		{name: "Users.RemoveKey of a line that is there twice", args: args{"alice", "ssh-rsa AAAA laptop"}, answers: twice, sends: sends{getAlice, `PUT /users/alice {"authorized_keys":"ssh-rsa BBBB desk"}`}},
		{name: "Users.RemoveKey of the last sends an empty text", args: args{"alice", "laptop"}, answers: one, sends: sends{getAlice, `PUT /users/alice {"authorized_keys":""}`}},
	}...)
}

func TestUsersOnTheWire(t *testing.T) { runWire(t, userRows()) }

// A key that cannot be told from another stays: the keys are read, and nothing
// is written.
func TestKeysThatAreNotRemoved(t *testing.T) {
	for _, row := range []struct{ name, key, says string }{
		{"a comment that two keys have", "desk", `2 keys have the comment "desk": give the whole line`},
		{"a comment that no key has", "lap", `no key is, or has the comment, "lap"`},
		{"a part of a line", "BBBB", `no key is`},
		{"the comment of none", "", `no key is`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			rec, client := newRecorder(t, answers{"GET /users/alice": `{"id":12,"authorized_keys":"ssh-rsa AAAA desk\nssh-rsa BBBB desk\nssh-rsa CCCC"}`})
			_, err := client.Users.RemoveKey(t.Context(), "alice", row.key)
			assertSays(t, err, row.says)
			assertSays(t, err, "remove key from user alice")
			assertSent(t, rec, "GET /users/alice")
		})
	}
}
