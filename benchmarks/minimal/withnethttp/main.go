// Command withnethttp prints a virtual machine with net/http and encoding/json. Its size is compared with that of
// withbigv.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
)

type machine struct {
	Hostname string `json:"hostname"`
	Memory   int    `json:"memory"`
}

func get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://uk0.bigv.io"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer apikey."+os.Getenv("BIGV_API_KEY"))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, text)
	}
	return json.Unmarshal(text, into)
}

func main() {
	var vm machine
	if err := get(context.Background(), "/virtual_machines/5012", &vm); err != nil {
		slog.Error("getting the virtual machine", "error", err)
		os.Exit(1)
	}
	slog.Info("virtual machine", "hostname", vm.Hostname, "memory", vm.Memory)
}
