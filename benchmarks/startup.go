package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// startUpArgument makes this program print a startUp. A side and a protocol follow it; the serverInfo is read from the
// standard input.
const startUpArgument = "start-up"

// bigvSide is the side of startUpArgument that is bigv. The others are the names of baselines.
const bigvSide = "bigv"

// startUp is what a new process has measured, in seconds.
type startUp struct {
	NewClient float64 // without a request
	FirstCall float64 // with the connection and the TLS handshake
}

// measureStartUp measures how long a program waits for its first response: for the client to be created, and for the
// GET of one virtual machine on a new connection. Each measurement has a new process, in which nothing is cached.
func measureStartUp(ctx context.Context, env *environment) (results []result, err error) {
	for _, protocol := range protocols {
		comp := &comparison{rounds: few, bigv: side{name: bigvSide}}
		for _, b := range env.baselines[protocol] {
			comp.baselines = append(comp.baselines, side{name: b.name})
		}
		sides := comp.sides()
		var newClient []float64
		for range comp.rounds.count {
			slices.Reverse(sides)
			for _, s := range sides {
				measured, err := startUpOf(ctx, env.server, s.name, protocol)
				if err != nil {
					return nil, err
				}
				s.costs = append(s.costs, cost{seconds: measured.FirstCall})
				if s == &comp.bigv {
					newClient = append(newClient, measured.NewClient)
				}
			}
		}
		if protocol == protocols[0] {
			results = append(results, result{
				ID: "P9", Measure: "start-up: creating a client: time", Figure: median(newClient) * 1e6, Target: 500, Unit: " us",
			})
		}
		results = append(results, comp.result(result{
			ID: "P9", Measure: "start-up: first GET of a process: time", Protocol: protocol, Target: 1.25, Unit: "x", decimals: 2,
		}, seconds, ratio, duration))
	}
	return results, nil
}

// startUpOf returns what a new process measures.
func startUpOf(ctx context.Context, s *server, side, protocol string) (measured startUp, err error) {
	program, err := os.Executable()
	if err != nil {
		return measured, err
	}
	info, err := json.Marshal(s.serverInfo)
	if err != nil {
		return measured, err
	}
	command := exec.CommandContext(ctx, program, startUpArgument, side, protocol)
	command.Stdin, command.Stderr = bytes.NewReader(info), os.Stderr
	out, err := command.Output()
	if err != nil {
		return measured, fmt.Errorf("starting up %s: %w", side, err)
	}
	return measured, json.Unmarshal(out, &measured)
}

// printStartUp measures the start-up of a side in this process, and prints it.
func printStartUp(ctx context.Context, side, protocol string) error {
	var info serverInfo
	if err := json.NewDecoder(os.Stdin).Decode(&info); err != nil {
		return err
	}
	if err := info.trust(); err != nil {
		return err
	}
	started := time.Now()
	get, err := newGetter(ctx, side, info.BaseURLs[protocol])
	if err != nil {
		return err
	}
	created := time.Now()
	if err := get(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(startUp{
		NewClient: created.Sub(started).Seconds(), FirstCall: time.Since(created).Seconds(),
	})
}

// newGetter returns a function that gets a virtual machine with a new client of a side.
func newGetter(ctx context.Context, side, base string) (func() error, error) {
	if side == bigvSide {
		client, err := newBigv(base)
		return getMachine(ctx, client, www1), err
	}
	for _, b := range newBaselines(base) {
		if b.name == side {
			return b.getMachine(ctx, "web", "www1"), nil
		}
	}
	return nil, fmt.Errorf("no baseline %q", side)
}
