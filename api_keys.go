package bigv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// APIKey lets a program in as a user, with privileges of its own: see WithAPIKey.
type APIKey struct {
	ID       int    `json:"id"`                // never changes
	UserID   int    `json:"user_id"`           // whose it is
	Username string `json:"username,omitzero"` // not always told
	Label    string `json:"label"`             // several keys may have the same
	// Key is what WithAPIKey takes. The service tells it once, in the answer to
	// Create, and keeps no copy that can be read.
	Key        Secret      `json:"api_key,omitzero"`
	ExpiresAt  Timestamp   `json:"expires_at,omitzero"`  // empty is never
	Privileges []Privilege `json:"privileges,omitempty"` // with Overview only
}

// APIKeyCreate is what a new API key is made of.
type APIKeyCreate struct {
	Label     string    // what it is for; there must be one
	ExpiresAt time.Time // in whole seconds; zero is never
}

// apiKeyBody is a new key as it travels.
type apiKeyBody struct {
	UserID    int       `json:"user_id"`
	Label     string    `json:"label"`
	ExpiresAt Timestamp `json:"expires_at,omitzero"`
}

func (k APIKeyCreate) check() error {
	if strings.TrimSpace(k.Label) == "" {
		return errors.New("the API key's label is empty")
	}
	return nil
}

// APIKeyListOptions says which API keys to list, and how.
type APIKeyListOptions struct {
	User UserPath // zero is all keys you can see: your own, and everybody's if you are staff
	View View     // Overview embeds their privileges
}

type apiKeyQuery struct {
	View View `url:"view,omitempty"`
}

// APIKeysService manages API keys.
type APIKeysService struct{ client *Client }

const apiKeysRoute = "/api_keys"

// List returns API keys: GET /api_keys. The service has no filter by user, so the
// keys of others are left out here; a user by name is looked up first.
func (s *APIKeysService) List(ctx context.Context, options APIKeyListOptions, opts ...CallOption) ([]APIKey, error) {
	return s.list(ctx, "list API keys", options, opts)
}

func (s *APIKeysService) list(ctx context.Context, operation string, options APIKeyListOptions, opts []CallOption) ([]APIKey, error) {
	user := options.User
	t := under(apiKeysRoute).with(apiKeyQuery{View: options.View}).of(string(user))
	if user == "" {
		return list[APIKey](ctx, s.client, operation, t, nil, opts)
	}
	id, err := s.client.Users.id(ctx, user)
	if err != nil {
		return nil, notSent(operation, t.subject(), fmt.Errorf("looking up the user: %w", err))
	}
	keys, err := list[APIKey](ctx, s.client, operation, t, nil, opts)
	return slices.DeleteFunc(keys, func(k APIKey) bool { return k.UserID != id }), err
}

// Find returns the API key of a user that has this label, out of GET /api_keys. It
// is ErrNotFound if there is none, and an error if there are several: take one by
// its ID then.
func (s *APIKeysService) Find(ctx context.Context, user UserPath, label string, opts ...CallOption) (APIKey, error) {
	const operation = "find API key of user"
	keys, err := s.list(ctx, operation, APIKeyListOptions{User: user}, opts)
	if err != nil {
		return APIKey{}, err
	}
	keys = slices.DeleteFunc(keys, func(k APIKey) bool { return k.Label != label })
	switch len(keys) {
	case 0:
		return APIKey{}, absent(operation, user, apiKeysRoute)
	case 1:
		return keys[0], nil
	}
	return APIKey{}, fmt.Errorf("bigv: %s: %d keys have the label %q: take one of them by its ID", describe(operation, string(user)), len(keys), label)
}

// Create makes an API key for a user, and returns it with its Key, which cannot be
// read again: POST /api_keys. A user by name is looked up first, since the service
// takes IDs only. A new key has no privileges and can do nothing: grant it some
// with Privileges.Grant and APIKeyID. The call is never sent again after it may
// have been carried out. If the service does not tell the Key, the error is
// ErrInvalidResponse, and the key is there: delete it and make another.
func (s *APIKeysService) Create(ctx context.Context, user UserPath, key APIKeyCreate, opts ...CallOption) (APIKey, error) {
	const operation = "create API key for user"
	body := apiKeyBody{Label: key.Label, ExpiresAt: NewTimestamp(key.ExpiresAt)}
	err := key.check()
	if err == nil {
		body.UserID, err = s.client.Users.id(ctx, user)
	}
	if err != nil {
		return APIKey{}, notSent(operation, string(user), err)
	}
	made, err := call[APIKey](ctx, s.client, posting(operation), under(apiKeysRoute).of(string(user)), body, nil, opts)
	if err == nil && made.Key.IsZero() {
		err = untold(operation, string(user), "it holds no key, delete the key and make another")
	}
	return made, err
}

// Delete revokes an API key: DELETE /api_keys/{ID}.
func (s *APIKeysService) Delete(ctx context.Context, id int, opts ...CallOption) error {
	return do(ctx, s.client, deleting("delete API key"), under(apiKeysRoute+"/{API key}", strconv.Itoa(id)), nil, opts)
}
