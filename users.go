package bigv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// User is a person, or a program, that privileges are granted to.
type User struct {
	ID       int    `json:"id"`             // never changes
	Username string `json:"username"`       // what the user logs in with
	Email    string `json:"email,omitzero"` // not always told
	// AuthorizedKeys are the SSH keys that open the consoles of the user's
	// virtual machines (not root inside them), one a line. Empty is none.
	AuthorizedKeys string `json:"authorized_keys"`
}

// Path is the user by ID.
func (u User) Path() UserPath { return UserID(u.ID) }

// Keys are the lines of AuthorizedKeys that are not blank, trimmed.
func (u User) Keys() []string {
	var keys []string
	for line := range strings.SplitSeq(u.AuthorizedKeys, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			keys = append(keys, line)
		}
	}
	return keys
}

// UserUpdate is what is changed of a user; nil is left as it is.
type UserUpdate struct {
	// AuthorizedKeys replaces all keys; empty removes them all.
	AuthorizedKeys *string `json:"authorized_keys,omitzero"`
	// Password is taken by older services only. Zero is left as it is.
	Password Secret `json:"password,omitzero"`
}

// UserCreate is what a new user is made of.
type UserCreate struct {
	Username    string `json:"username"`              // letters and digits
	Email       string `json:"email,omitzero"`        // empty is none
	Password    Secret `json:"password,omitzero"`     // zero leaves it to the service
	AccountName string `json:"account_name,omitzero"` // an account to make along
}

func (u UserCreate) check() error { return checkNewName("the user name", u.Username) }

// UsersService manages users and their SSH keys.
type UsersService struct{ client *Client }

const usersRoute = "/users"

// List returns the users you can see, normally yourself: GET /users.
func (s *UsersService) List(ctx context.Context, opts ...CallOption) ([]User, error) {
	return list[User](ctx, s.client, "list users", under(usersRoute), nil, opts)
}

// Get returns a user: GET /users/{user}.
func (s *UsersService) Get(ctx context.Context, user UserPath, opts ...CallOption) (User, error) {
	return read[User](ctx, s.client, "get user", at(user, ""), opts)
}

// Update changes a user: PUT /users/{user}. AddKey and RemoveKey change one key
// and leave the others.
func (s *UsersService) Update(ctx context.Context, user UserPath, update UserUpdate, opts ...CallOption) (User, error) {
	return call(ctx, s.client, putting("update user"), at(user, ""), update, func(ctx context.Context) (User, error) {
		return s.Get(ctx, user)
	}, opts)
}

// AddKey adds an SSH public key, one line as in authorized_keys, unless it is
// there already. It reads the keys and writes them back: another program that
// does so at the same moment may undo it, but callers of this client take turns.
func (s *UsersService) AddKey(ctx context.Context, user UserPath, key string, opts ...CallOption) (User, error) {
	key = strings.TrimSpace(key)
	if key == "" || strings.ContainsAny(key, "\n\r") || len(strings.Fields(key)) < 2 {
		return User{}, notSent("add key to user", string(user), errors.New("a key is one line: type, key and comment"))
	}
	return s.editKeys(ctx, "add key to user", user, func(keys []string) ([]string, error) {
		if slices.Contains(keys, key) {
			return keys, nil
		}
		return append(keys, key), nil
	}, opts)
}

// RemoveKey removes the SSH public key that is this line, or has this comment,
// and leaves the others. It is an error, and nothing is sent, if no key or more
// than one has the comment. See AddKey on programs at the same moment.
func (s *UsersService) RemoveKey(ctx context.Context, user UserPath, keyOrComment string, opts ...CallOption) (User, error) {
	wanted := strings.TrimSpace(keyOrComment)
	return s.editKeys(ctx, "remove key from user", user, func(keys []string) ([]string, error) {
		if i := slices.Index(keys, wanted); i >= 0 {
			return slices.DeleteFunc(keys, func(key string) bool { return key == wanted }), nil
		}
		var left []string
		for _, key := range keys {
			if parts := strings.SplitN(key, " ", 3); wanted == "" || len(parts) < 3 || strings.TrimSpace(parts[2]) != wanted {
				left = append(left, key)
			}
		}
		switch n := len(keys) - len(left); n {
		case 0:
			return nil, fmt.Errorf("%w: no key is, or has the comment, %q", ErrNotFound, wanted)
		case 1:
			return left, nil
		default:
			return nil, fmt.Errorf("%d keys have the comment %q: give the whole line", n, wanted)
		}
	}, opts)
}

// editKeys reads the keys, edits them and writes them back if that changed them.
func (s *UsersService) editKeys(ctx context.Context, operation string, user UserPath, edit func([]string) ([]string, error), opts []CallOption) (User, error) {
	if err := s.client.keyTurn.take(ctx); err != nil {
		return User{}, notSent(operation, string(user), err)
	}
	defer s.client.keyTurn.give()
	u, err := s.Get(ctx, user)
	if err != nil {
		return User{}, err
	}
	before := u.Keys()
	after, err := edit(slices.Clone(before))
	if err != nil {
		return User{}, notSent(operation, string(user), err)
	}
	if slices.Equal(before, after) {
		return u, nil
	}
	return s.Update(ctx, user, UserUpdate{AuthorizedKeys: new(strings.Join(after, "\n"))}, opts...)
}

// Create makes a user: POST /users. It is never sent again after it may have been
// carried out.
//
// Deprecated: the service documents it no longer. Have the user sign up with
// Bytemark, which is not a matter of this API, and then allow them something with
// Privileges.Grant. For a program, make a key with APIKeys.Create.
func (s *UsersService) Create(ctx context.Context, user UserCreate, opts ...CallOption) (User, error) {
	return call(ctx, s.client, posting("create user"), under(usersRoute).of(user.Username), user, func(ctx context.Context) (User, error) {
		return s.Get(ctx, UserPath(user.Username))
	}, opts)
}

// Delete removes a user: DELETE /users/{user}.
//
// Deprecated: the service documents it no longer. Take away what the user may do,
// with Privileges.Revoke, and have Bytemark remove the user.
func (s *UsersService) Delete(ctx context.Context, user UserPath, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete user"), at(user, ""), nil, opts)
}

func (p UserPath) nested() (template string, depth int)            { return "/users/{user}", userDepth }
func (p UserPath) flat() string                                    { return "" }
func (p UserPath) text() string                                    { return string(p) }
func (p UserPath) parents(context.Context, *Client) (place, error) { return p, nil }

func (u User) identity() int { return u.ID }
