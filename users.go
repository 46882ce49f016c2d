package bigv

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// User represents a person or a program that can be granted privileges.
type User struct {
	ID       int    `json:"id"`             // unique at the service, never changes
	Username string `json:"username"`       // login name
	Email    string `json:"email,omitzero"` // may be empty
	// AuthorizedKeys holds the user's SSH public keys, one per line. They give access to the
	// consoles of the user's virtual machines, not to the systems inside them. It is empty if there
	// are none.
	AuthorizedKeys string `json:"authorized_keys"`
}

// Path returns a path that identifies the user by ID.
func (u User) Path() UserPath { return UserID(u.ID) }

// Keys returns the SSH public keys of AuthorizedKeys, one per element, without blank lines.
func (u User) Keys() []string {
	var keys []string
	for line := range strings.SplitSeq(u.AuthorizedKeys, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			keys = append(keys, line)
		}
	}
	return keys
}

// UserUpdate holds the changes to a user. A nil or zero field is not sent, and the attribute keeps
// its value; at least one must be set.
type UserUpdate struct {
	// AuthorizedKeys replaces all keys, one per line; an empty string removes them. See AddKey and
	// RemoveKey.
	AuthorizedKeys *string `json:"authorized_keys,omitzero"`
	// Password is accepted by older deployments of the service only; others ignore it.
	Password Secret `json:"password,omitzero"`
}

// validate returns an error if a line of AuthorizedKeys is no key.
func (u UserUpdate) validate() error {
	if u.AuthorizedKeys == nil {
		return nil
	}
	return checkPublicKeys("authorized_keys", *u.AuthorizedKeys)
}

// keysUpdate is the request body of AddKey and RemoveKey. It is not validated, since it has the lines
// that the user had before, whatever they are.
type keysUpdate struct {
	AuthorizedKeys string `json:"authorized_keys"`
}

// UserCreate holds the attributes of a new user.
type UserCreate struct {
	Username    string `json:"username"`              // required: letters and digits, not all digits
	Email       string `json:"email,omitzero"`        // optional
	Password    Secret `json:"password,omitzero"`     // zero lets the service choose
	AccountName string `json:"account_name,omitzero"` // account to create with the user; empty creates none
}

// validate returns an error if the user name is invalid.
func (u UserCreate) validate() error { return checkNewName("user name", u.Username) }

// UsersService reads users and manages their SSH keys.
type UsersService struct{ client *Client }

const usersRoute = "/users"

// List returns the users that the caller can see, normally the caller alone: GET /users.
func (s *UsersService) List(ctx context.Context, opts ...CallOption) ([]User, error) {
	return list[User](ctx, clientOf(s), listing("list users", fixed(usersRoute)), nil, opts)
}

// Get returns a user: GET /users/{user}. If the user does not exist, or the caller may not see it,
// the error matches ErrNotFound.
func (s *UsersService) Get(ctx context.Context, user UserPath, opts ...CallOption) (User, error) {
	return get[User](ctx, clientOf(s), reading("get user", resource(user)), opts)
}

// Update changes a user: PUT /users/{user}. To change a single SSH key, use AddKey or RemoveKey.
// Update is idempotent, so it is retried.
func (s *UsersService) Update(ctx context.Context, user UserPath, update UserUpdate, opts ...CallOption) (User, error) {
	return s.update(ctx, user, update, opts)
}

// update implements Update, with any request body.
func (s *UsersService) update(ctx context.Context, user UserPath, body any, opts []CallOption) (User, error) {
	op := putting("update user", resource(user), body)
	reread := func(ctx context.Context) (User, error) { return s.Get(ctx, user) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// AddKey adds an SSH public key to a user: GET /users/{user}, then PUT /users/{user}. The key is
// one line in the format of authorized_keys. If the user has the key already, nothing is written.
// Call options apply to the PUT.
//
// The service can only replace all keys at once. Calls of AddKey and RemoveKey by one client and
// the clients derived from it do not run at the same time, but a change that another program makes
// between the two requests is lost.
func (s *UsersService) AddKey(ctx context.Context, user UserPath, key string, opts ...CallOption) (User, error) {
	key = strings.TrimSpace(key)
	if err := checkPublicKey(key); err != nil {
		return User{}, notSent("add key to user", string(user), err)
	}
	return s.editKeys(ctx, "add key to user", user, func(keys []string) ([]string, error) {
		if slices.Contains(keys, key) {
			return keys, nil
		}
		return append(keys, key), nil
	}, opts)
}

// RemoveKey removes the SSH public key that equals keyOrComment, or whose comment equals it, and
// keeps the others: GET /users/{user}, then PUT /users/{user}. Call options apply to the PUT.
//
// If no key matches, the error matches ErrNotFound. If several keys have the comment, RemoveKey
// returns an error; pass the whole key instead. Nothing is written in either case. As with AddKey,
// a change that another program makes at the same time is lost.
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
			return nil, fmt.Errorf("%w: the user has no key with the line or comment %q: see User.Keys for those that it has",
				ErrNotFound, wanted)
		case 1:
			return left, nil
		default:
			return nil, fmt.Errorf("%d keys have the comment %q: pass the whole line of one of them", n, wanted)
		}
	}, opts)
}

// editKeys reads the user's keys, calls edit with them, and writes the result if it differs.
func (s *UsersService) editKeys(ctx context.Context, operation string, user UserPath, edit func([]string) ([]string, error),
	opts []CallOption) (User, error) {
	if err := clientOf(s).keyEdits.acquire(ctx); err != nil {
		return User{}, notSent(operation, string(user), err)
	}
	defer clientOf(s).keyEdits.release()
	read, err := get[userWithKeys](ctx, clientOf(s), reading("get user", resource(user)), nil)
	if err != nil {
		return User{}, notSent(operation, string(user), err)
	}
	u := read.User
	if u.AuthorizedKeys, _ = read.AuthorizedKeys.Get(); read.AuthorizedKeys.IsZero() {
		return User{}, notChanged(operation, string(user),
			fmt.Errorf("%w: the keys are missing from the response, so they would be lost: try again later", ErrInvalidResponse))
	}
	before := u.Keys()
	after, err := edit(slices.Clone(before))
	if err != nil {
		return User{}, notChanged(operation, string(user), err)
	}
	if slices.Equal(before, after) {
		return u, nil
	}
	return s.update(ctx, user, keysUpdate{strings.Join(after, "\n")}, opts)
}

// userWithKeys is a user whose keys may be missing from the response.
type userWithKeys struct {
	User
	AuthorizedKeys Nullable[string] `json:"authorized_keys"`
}

// Create creates a user: POST /users.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look the user up by name before calling Create again.
//
// Deprecated: The service no longer documents this endpoint. Users are created by signing up with
// Bytemark, outside this API; then grant them privileges with Privileges.Grant. For a program,
// create a key with APIKeys.Create.
func (s *UsersService) Create(ctx context.Context, user UserCreate, opts ...CallOption) (User, error) {
	op := posting("create user", fixed(usersRoute).about(user.Username), user)
	reread := func(ctx context.Context) (User, error) { return s.Get(ctx, UserPath(user.Username)) }
	return write(ctx, clientOf(s), op, reread, opts)
}

// Delete deletes a user: DELETE /users/{user}. Delete is idempotent, so it is retried.
//
// Deprecated: The service no longer documents this endpoint. Remove the user's permissions with
// Privileges.Revoke, and ask Bytemark to remove the user.
func (s *UsersService) Delete(ctx context.Context, user UserPath, opts ...CallOption) error {
	return execute(ctx, clientOf(s), deleting("delete user", resource(user)), opts)
}

// id returns the ID of a user. It reads the user if the path has only its name.
func (s *UsersService) id(ctx context.Context, user UserPath) (int, error) {
	if err := checkPath(user); err != nil {
		return 0, err
	}
	if user.isID() {
		return parseID(string(user))
	}
	found, err := s.Get(ctx, user)
	return responseID(found.ID, err)
}

// objectID implements [identified].
func (u User) objectID() int { return u.ID }
