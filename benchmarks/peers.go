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

// peer holds the results of one client: how many goroutines get one server, with the default options.
type peer struct {
	Client            string  `json:"client"`
	Protocol          string  `json:"protocol"`
	PerSecond         float64 `json:"per_second"`
	BaselinePerSecond float64 `json:"baseline_per_second"` // the baseline with the same response
	Ratio             float64 `json:"ratio"`
	Low               float64 `json:"low"`
	High              float64 `json:"high"`
	Connections       float64 `json:"connections_per_1000_requests"`
	Allocs            float64 `json:"allocs"` // per call
	BaselineAllocs    float64 `json:"baseline_allocs"`
}

// peerClient describes a client to measure. The function get creates the client as its README does and returns a
// function that gets one server. The baseline gets path and decodes the response into the result of newResponse.
type peerClient struct {
	name        string
	get         func(ctx context.Context, base string) (func() error, error)
	path        string
	newResponse func() any
}

// withToken returns an HTTP client that sends the token, which some clients require.
func withToken(ctx context.Context) *http.Client {
	return oauth2.NewClient(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
}

var peerClients = []peerClient{
	{
		name:        "bigv",
		path:        fmt.Sprintf(machinesPath, "web") + "/www1",
		newResponse: func() any { return new(machine) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client, err := newBigv(base)
			if err != nil {
				return nil, err
			}
			return getMachine(ctx, client, www1), nil
		},
	},
	{
		name:        "hcloud-go",
		path:        "/v1/servers/42",
		newResponse: func() any { return new(schema.ServerGetResponse) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client := hcloud.NewClient(hcloud.WithToken(token), hcloud.WithEndpoint(base+"/v1"))
			return func() error {
				server, _, err := client.Server.GetByID(ctx, 42)
				return checkID(42, func() int64 { return server.ID }, err)
			}, nil
		},
	},
	{
		name: "godo",
		path: "/v2/droplets/42",
		newResponse: func() any {
			return new(struct {
				Droplet *godo.Droplet `json:"droplet"`
			})
		},
		get: func(ctx context.Context, base string) (func() error, error) {
			client, err := godo.New(withToken(ctx), godo.SetBaseURL(base))
			return func() error {
				droplet, _, err := client.Droplets.Get(ctx, 42)
				return checkID(42, func() int { return droplet.ID }, err)
			}, err
		},
	},
	{
		name:        "linodego",
		path:        "/v4/linode/instances/42",
		newResponse: func() any { return new(linodego.Instance) },
		get: func(ctx context.Context, base string) (func() error, error) {
			client := linodego.NewClient(withToken(ctx))
			client.SetBaseURL(base)
			return func() error {
				instance, err := client.GetInstance(ctx, 42)
				return checkID(42, func() int { return instance.ID }, err)
			}, nil
		},
	},
	{
		name: "govultr",
		path: "/v2/instances/42",
		newResponse: func() any {
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
				return checkID("42", func() string { return instance.ID }, err)
			}, err
		},
	},
}

// checkID returns err, or an error if the ID of the decoded server is wrong.
func checkID[T comparable](want T, got func() T, err error) error {
	if err == nil && got() != want {
		err = fmt.Errorf("got server %v, want %v", got(), want)
	}
	return err
}

// measurePeers compares each client with the baseline.
func measurePeers(ctx context.Context, env *environment) (peers []peer, err error) {
	const goroutines, calls = 32, 160
	for _, protocol := range protocols {
		for _, c := range peerClients {
			get, err := c.get(ctx, env.server.BaseURLs[protocol])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			baseline := env.baselines[protocol][0]
			comp := &comparison{
				rounds:     few,
				operations: calls,
				bigv:       side{run: concurrently(goroutines, calls, get)},
				baselines: []side{{
					run: concurrently(goroutines, calls, func() error { return baseline.get(ctx, c.path, c.newResponse()) }),
				}},
			}
			if err := comp.measure(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			const counted = 1600
			before, err := env.server.connections(protocol)
			if err != nil {
				return nil, err
			}
			if err := concurrently(goroutines, counted, get)(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := env.server.connections(protocol)
			if err != nil {
				return nil, err
			}
			p := peer{Client: c.name, Protocol: protocol, Connections: float64(after-before) * 1000 / counted}
			floor := comp.baselines[0]
			p.Ratio, p.Low, p.High = compareSides(comp.bigv, floor, seconds, inverse)
			p.PerSecond, p.BaselinePerSecond = 1/comp.bigv.median(seconds), 1/floor.median(seconds)
			p.Allocs, p.BaselineAllocs = comp.bigv.median(allocs), floor.median(allocs)
			peers = append(peers, p)
		}
	}
	return peers, nil
}

func printPeers(w io.Writer, peers []peer) error {
	head := []string{
		"32 goroutines", "protocol", "requests/s", "baseline", "ratio", "spread",
		"connections per 1,000", "allocations", "baseline",
	}
	return printTable(w, head, apply(peers, func(p peer) []string {
		return []string{
			p.Client, p.Protocol, fmt.Sprintf("%.0f", p.PerSecond), fmt.Sprintf("%.0f", p.BaselinePerSecond),
			fmt.Sprintf("%.2fx", p.Ratio), fmt.Sprintf("%.2f to %.2f", p.Low, p.High),
			fmt.Sprintf("%.0f", p.Connections), fmt.Sprintf("%.0f", p.Allocs), fmt.Sprintf("%.0f", p.BaselineAllocs),
		}
	}))
}
