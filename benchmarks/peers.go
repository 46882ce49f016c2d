package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/digitalocean/godo"
	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"github.com/linode/linodego"
	"github.com/vultr/govultr/v3"
	"golang.org/x/oauth2"
)

// peer is how a Go client of another service does one GET of a server, by many
// goroutines, as it is shipped.
type peer struct {
	Client         string  `json:"client"`
	Over           string  `json:"over"`
	PerSecond      float64 `json:"per_second"`
	FloorPerSecond float64 `json:"floor_per_second"` // net/http and encoding/json by hand, on the same answer
	Ratio          float64 `json:"ratio"`
	Low            float64 `json:"low"`
	High           float64 `json:"high"`
	Connections    float64 `json:"connections_per_1000_requests"`
	Allocs         float64 `json:"allocs"` // a call
	FloorAllocs    float64 `json:"floor_allocs"`
}

// contestant makes a client the way its README does, and the function that gets
// one server. path and into are the same work for the floor.
type contestant struct {
	name string
	get  func(ctx context.Context, base string) (func() error, error)
	path string
	into func() any
}

// withToken is the HTTP client that some READMEs pass on.
func withToken(ctx context.Context) *http.Client {
	return oauth2.NewClient(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
}

var contestants = []contestant{
	{
		name: "bigv",
		path: fmt.Sprintf(machinesPath, "web") + "/www1",
		into: func() any { return new(machine) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client, err := newBigv(base)
			if err != nil {
				return nil, err
			}
			return getMachine(ctx, client, www1), nil
		},
	},
	{
		name: "hcloud-go",
		path: "/v1/servers/42",
		into: func() any { return new(schema.ServerGetResponse) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client := hcloud.NewClient(hcloud.WithToken(token), hcloud.WithEndpoint(base+"/v1"))
			return func() error {
				server, _, err := client.Server.GetByID(ctx, 42)
				return same(42, func() int64 { return server.ID }, err)
			}, nil
		},
	},
	{
		name: "godo",
		path: "/v2/droplets/42",
		into: func() any {
			return new(struct {
				Droplet *godo.Droplet `json:"droplet"`
			})
		},
		get: func(ctx context.Context, base string) (func() error, error) {
			client, err := godo.New(withToken(ctx), godo.SetBaseURL(base))
			return func() error {
				droplet, _, err := client.Droplets.Get(ctx, 42)
				return same(42, func() int { return droplet.ID }, err)
			}, err
		},
	},
	{
		name: "linodego",
		path: "/v4/linode/instances/42",
		into: func() any { return new(linodego.Instance) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client := linodego.NewClient(withToken(ctx))
			client.SetBaseURL(base)
			return func() error {
				instance, err := client.GetInstance(ctx, 42)
				return same(42, func() int { return instance.ID }, err)
			}, nil
		},
	},
	{
		name: "govultr",
		path: "/v2/instances/42",
		into: func() any {
			return new(struct {
				Instance *govultr.Instance `json:"instance"`
			})
		},
		get: func(ctx context.Context, base string) (func() error, error) {
			client := govultr.NewClient(withToken(ctx))
			err := client.SetBaseURL(base)
			return func() error {
				instance, resp, err := client.Instance.Get(ctx, "42")
				if resp != nil {
					_ = resp.Body.Close()
				}
				return same("42", func() string { return instance.ID }, err)
			}, err
		},
	},
}

// same makes sure that a client has read what was sent.
func same[T comparable](want T, got func() T, err error) error {
	if err == nil && got() != want {
		err = fmt.Errorf("expected server %v, got %v", want, got())
	}
	return err
}

// measurePeers compares each client with the floor on its own answers.
func measurePeers(ctx context.Context, b *bench) (peers []peer, err error) {
	const goroutines, calls = 32, 160
	for _, protocol := range protocols {
		for _, c := range contestants {
			get, err := c.get(ctx, b.server.Bases[protocol])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			floor := b.floor[protocol]
			s := &sides{
				pace:       few,
				operations: calls,
				bigv:       atOnce(goroutines, calls, get),
				floor:      atOnce(goroutines, calls, func() error { return floor.get(ctx, c.path, c.into()) }),
			}
			if err := s.measure(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			const counted = 1600
			before, err := b.server.connections(protocol)
			if err != nil {
				return nil, err
			}
			if err := atOnce(goroutines, counted, get)(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := b.server.connections(protocol)
			if err != nil {
				return nil, err
			}
			p := peer{Client: c.name, Over: protocol, Connections: float64(after-before) * 1000 / counted}
			p.Ratio, p.Low, p.High = s.compare(seconds, inverse)
			theirs, floors := s.medians(seconds)
			p.PerSecond, p.FloorPerSecond = 1/theirs, 1/floors
			p.Allocs, p.FloorAllocs = s.medians(allocs)
			peers = append(peers, p)
		}
	}
	return peers, nil
}

func printPeers(w io.Writer, peers []peer) error {
	head := []string{"32 goroutines", "over", "requests/s", "its floor", "ratio", "spread", "connections per 1,000", "allocations", "its floor"}
	return printTable(w, head, each(peers, func(p peer) []string {
		return []string{
			p.Client, p.Over, fmt.Sprintf("%.0f", p.PerSecond), fmt.Sprintf("%.0f", p.FloorPerSecond),
			fmt.Sprintf("%.2fx", p.Ratio), fmt.Sprintf("%.2f to %.2f", p.Low, p.High),
			fmt.Sprintf("%.0f", p.Connections), fmt.Sprintf("%.0f", p.Allocs), fmt.Sprintf("%.0f", p.FloorAllocs),
		}
	}))
}
