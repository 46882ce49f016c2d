package bigv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/bigv-go/bigv"
	"github.com/bigv-go/bigv/internal/fakeserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// revealing and hiding are types of a caller with a MarshalJSON method of their own.
type (
	revealing struct{ secret bigv.Secret }
	hiding    struct{ secret bigv.Secret }
)

func (v revealing) MarshalJSON() ([]byte, error) { return json.Marshal(v.secret.Reveal()) }

func (v hiding) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"secret": v.secret})
}

// A secret is sent as plaintext wherever it is in a value, or the request is refused. The placeholder is never sent.
func TestPlaceholderIsNeverSent(t *testing.T) {
	secret := bigv.NewSecret("hunter2")
	shown := fmt.Sprint(secret)
	image := &bigv.Image{Distribution: "stretch", RootPassword: secret}
	template := bigv.VMDefault{Name: "a", ServerSettings: bigv.VirtualMachineCreate{Image: image}}
	const settings = `{"account_id":0,"name":"a","public":false,` +
		`"server_settings":{"virtual_machine":{},"reimage":{"distribution":"stretch","root_password":"hunter2"}}}`
	body := func(v any) func(context.Context, *bigv.Client) error {
		return func(ctx context.Context, c *bigv.Client) error { return c.Do(ctx, "POST", "/x", v, nil) }
	}
	for _, tt := range []struct {
		name string
		call func(ctx context.Context, c *bigv.Client) error
		sent string // the body; empty if the request is refused
		part string // what contains the placeholder, as the error says
	}{
		{"a secret", body(secret), `"hunter2"`, ""},
		{"a pointer in a map", body(map[string]any{"a": &secret}), `{"a":"hunter2"}`, ""},
		{"in a struct", body(struct{ A any }{secret}), `{"A":"hunter2"}`, ""},
		{"in a Nullable", body(bigv.Set(secret)), `"hunter2"`, ""},
		{"in a pointer to a Nullable", body(new(bigv.Set(&secret))), `"hunter2"`, ""},
		{"in a struct with a Nullable", body([]any{struct{ A, B, C bigv.Nullable[bigv.Secret] }{bigv.Set(secret), bigv.Null[bigv.Secret](),
			bigv.Nullable[bigv.Secret]{}}}), `[{"A":"hunter2","B":null,"C":null}]`, ""},
		{"in a Nullable of a Nullable of an image", body(bigv.Set(bigv.Set(*image))),
			`{"distribution":"stretch","root_password":"hunter2"}`, ""},
		{"in a template", body(template), settings, ""},
		{"in a list of pointers to templates", body([]*bigv.VMDefault{&template, nil}), `[` + settings + `,null]`, ""},
		{"in a Nullable of a template", body(map[string]any{"a": bigv.Set(template)}), `{"a":` + settings + `}`, ""},
		{"in a type that reveals it", body([]any{revealing{secret}}), `["hunter2"]`, ""},
		{"a nil pointer", body((*bigv.VMDefault)(nil)), `null`, ""},
		{"a nil pointer in a struct", body(struct{ A *bigv.VMDefault }{}), `{"A":null}`, ""},
		{"a null Nullable pointer", body([]*bigv.Nullable[bigv.Secret]{nil}), `[null]`, ""},

		{"in a type that hides it", body(hiding{secret}), "", "the body contains"},
		{"in a struct that embeds it", body(struct{ bigv.Secret }{secret}), "", "the body contains"},
		{"encoded before", body(json.RawMessage(`{"password":"` + shown + `"}`)), "", "the body contains"},
		{"printed into a string", body("password=" + shown), "", "the body contains"},
		{"printed into another secret", body(bigv.NewSecret("PW=" + shown)), "", "the body contains"},
		{"as a name", body(map[string]int{shown: 1}), "", "the body contains"},
		{"in an image", func(ctx context.Context, c *bigv.Client) error {
			script := bigv.NewSecret("#!/bin/sh\npw=" + shown)
			return c.VirtualMachines.Reimage(ctx, www1, bigv.Image{Distribution: "stretch", FirstbootScript: script})
		}, "", "the body contains"},
		{"in a login", func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Sessions.Create(ctx, bigv.SessionCreate{Username: "alice", Password: bigv.NewSecret(shown)}))
		}, "", "the body contains"},
		{"in the path", func(ctx context.Context, c *bigv.Client) error {
			return c.Do(ctx, "GET", "/sessions/"+url.PathEscape(shown), nil, nil)
		}, "", "the path contains"},
		{"in a name", func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Groups.Get(ctx, acme.Group(shown)))
		}, "", "the path contains"},
		{"in the query of a path", func(ctx context.Context, c *bigv.Client) error {
			return c.Do(ctx, "GET", "/x?token="+shown, nil, nil)
		}, "", "the query contains"},
		{"in the query", func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Groups.Get(ctx, web, bigv.WithQuery("token", "a "+secret.String())))
		}, "", "the query contains"},
		{"in a header", func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Groups.Get(ctx, web, bigv.WithHeader("X-Token", "Basic "+shown)))
		}, "", "the header X-Token contains"},
		{"as a session token", func(ctx context.Context, c *bigv.Client) error {
			return errorOf(c.Sessions.Get(ctx, bigv.NewSecret(shown)))
		}, "", "token is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := fakeserver.New(t, nil)
			err := tt.call(t.Context(), newClient(t, srv))
			if tt.sent == "" {
				require.Error(t, err)
				assert.ErrorContains(t, err, "not sent: "+tt.part)
				assert.ErrorContains(t, err, "[redacted], which is what a Secret prints as: use the result of its Reveal method")
				assert.Empty(t, srv.Requests())
				return
			}
			require.NoError(t, err)
			assert.JSONEq(t, tt.sent, srv.Requests()[0].Body)
			assertRedacted(t, "template", template)
		})
	}
}

// The options refuse the placeholder as a credential, and so does a call with a token source.
func TestPlaceholderAsCredential(t *testing.T) {
	shown := bigv.NewSecret("hunter2").String()
	for name, opt := range map[string]bigv.Option{"token": bigv.WithToken(shown), "API key": bigv.WithAPIKey(shown)} {
		_, err := bigv.NewClient(opt)
		assert.ErrorContains(t, err, name+" is [redacted], which is what a Secret prints as")
	}
	srv := fakeserver.New(t, nil)
	source := bigv.TokenSourceFunc(func(context.Context, bigv.Secret) (bigv.Secret, error) { return bigv.NewSecret(shown), nil })
	for _, opt := range []bigv.Option{bigv.WithTokenSource(source), bigv.WithCredentials("alice", shown)} {
		err := get(t.Context(), clientFor(t, srv.URL(), opt))
		assert.ErrorContains(t, err, "[redacted], which is what a Secret prints as")
	}
	assert.Empty(t, srv.Requests())
}
