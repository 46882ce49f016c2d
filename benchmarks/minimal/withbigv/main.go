// Command withbigv is a minimal program on the bigv package: its size is
// compared with that of withnethttp.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/bigv-go/bigv"
)

func main() {
	client, err := bigv.NewClient(bigv.WithAPIKey(os.Getenv("BIGV_API_KEY")))
	if err != nil {
		slog.Error("no client", "error", err)
		os.Exit(1)
	}
	vm, err := client.VirtualMachines.Get(context.Background(), bigv.VirtualMachineID(5012))
	if err != nil {
		slog.Error("no machine", "error", err)
		os.Exit(1)
	}
	slog.Info("a machine", "hostname", vm.Hostname, "memory", vm.Memory)
}
