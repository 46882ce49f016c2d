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

// APIKey represents an API key, with which a program authenticates as a user but with privileges of
// its own. See WithAPIKey.
type APIKey struct {
	ID       int    `json:"id"`                // unique at the service, never changes
	UserID   int    `json:"user_id"`           // ID of the user it belongs to
	Username string `json:"username,omitzero"` // may be empty
	Label    string `json:"label"`             // not necessarily unique
	// Key is the secret for WithAPIKey. It is set only in the result of Create; the service cannot
	// return it again.
	Key        Secret      `json:"api_key,omitzero"`
	ExpiresAt  Timestamp   `json:"expires_at,omitzero"`  // empty if it does not expire
	Privileges []Privilege `json:"privileges,omitempty"` // set only with Overview
}

// APIKeyCreate holds the attributes of a new API key.
type APIKeyCreate struct {
	Label     string    // required: what the key is for
	ExpiresAt time.Time // with a precision of seconds; zero means never
}

// apiKeyBody is the request body of Create.
type apiKeyBody struct {
	UserID    int       `json:"user_id"`
	Label     string    `json:"label"`
	ExpiresAt Timestamp `json:"expires_at,omitzero"`
}

// validate returns an error if the label is empty.
func (k APIKeyCreate) validate() error {
	if strings.TrimSpace(k.Label) == "" {
		return errors.New("label is required")
	}
	return nil
}

// APIKeyListOptions selects the API keys to list, and how much of each is returned.
type APIKeyListOptions struct {
	User UserPath // zero means all that the caller can see: for staff, those of all users
	View View     // Overview embeds their privileges
}

// apiKeyQuery holds the query parameters of a list of API keys.
type apiKeyQuery struct {
	View View `url:"view,omitempty"`
}

// APIKeysService creates, lists and deletes API keys.
type APIKeysService struct{ client *Client }

const apiKeysRoute = "/api_keys"

// List returns API keys: GET /api_keys. The service cannot filter by user, so List removes the keys
// of other users from the response. If the path of the user has no ID, the user is looked up first.
func (s *APIKeysService) List(ctx context.Context, options APIKeyListOptions, opts ...CallOption) ([]APIKey, error) {
	return s.list(ctx, "list API keys", string(options.User), options, opts)
}

// list implements List for an operation and its subject.
func (s *APIKeysService) list(
	ctx context.Context, operation, subject string, options APIKeyListOptions, opts []CallOption,
) ([]APIKey, error) {
	user := options.User
	e := fixed(apiKeysRoute).withQuery(apiKeyQuery{View: options.View}).about(subject)
	if user == "" {
		return list[APIKey](ctx, clientOf(s), listing(operation, e), nil, opts)
	}
	id, err := clientOf(s).Users.id(ctx, user)
	if err != nil {
		return nil, notSent(operation, e.describe(), fmt.Errorf("looking up the user: %w", err))
	}
	keys, err := list[APIKey](ctx, clientOf(s), listing(operation, e), nil, opts)
	return slices.DeleteFunc(keys, func(k APIKey) bool { return k.UserID != id }), err
}

// Find returns the API key of a user with this label: GET /api_keys. If there is none, the error
// matches ErrNotFound. If there are several, Find returns an error; choose one from List.
func (s *APIKeysService) Find(ctx context.Context, user UserPath, label string, opts ...CallOption) (APIKey, error) {
	const operation = "find API key"
	subject := strconv.Quote(label)
	if user != "" {
		subject += " of user " + string(user)
	}
	keys, err := s.list(ctx, operation, subject, APIKeyListOptions{User: user}, opts)
	if err != nil {
		return APIKey{}, err
	}
	keys = slices.DeleteFunc(keys, func(k APIKey) bool { return k.Label != label })
	switch len(keys) {
	case 0:
		return APIKey{}, notFoundError(operation, subject, apiKeysRoute)
	case 1:
		return keys[0], nil
	}
	return APIKey{}, fmt.Errorf("bigv: %s: %d keys have this label: choose one of them by its ID",
		describe(operation, subject), len(keys))
}

// Create creates an API key for a user and returns it with its Key: POST /api_keys. If the path of
// the user has no ID, the user is looked up first.
//
// Store the Key, since it cannot be read again. A new key has no privileges; grant them with
// Privileges.Grant and PrivilegeGrant.APIKeyID.
//
// Create is not idempotent, so it is never retried once the service may have processed it. If the
// error matches ErrOutcomeUnknown, look for the key with Find. If the error matches
// ErrInvalidResponse but not ErrOutcomeUnknown, the key was created and the response did not
// contain its secret; delete it and create another.
func (s *APIKeysService) Create(ctx context.Context, user UserPath, key APIKeyCreate, opts ...CallOption) (APIKey, error) {
	const operation = "create API key for user"
	body := apiKeyBody{Label: key.Label, ExpiresAt: NewTimestamp(key.ExpiresAt)}
	err := key.validate()
	if err == nil {
		body.UserID, err = clientOf(s).Users.id(ctx, user)
	}
	if err != nil {
		return APIKey{}, notSent(operation, string(user), err)
	}
	op := posting(operation, fixed(apiKeysRoute).about(string(user)), body)
	created, err := write[APIKey](ctx, clientOf(s), op, nil, opts)
	if err == nil && created.Key.IsZero() {
		err = missingResult(operation, string(user), "the response does not contain the key; delete it and create another")
	}
	return created, err
}

// Delete revokes an API key, which cannot be undone: DELETE /api_keys/{ID}. Delete is idempotent,
// so it is retried.
func (s *APIKeysService) Delete(ctx context.Context, id int, opts ...CallOption) error {
	op := deleting("delete API key", fixed(apiKeysRoute+"/{API key}", strconv.Itoa(id)))
	return execute(ctx, clientOf(s), op, opts)
}

// objectID implements [identified].
func (k APIKey) objectID() int { return k.ID }
