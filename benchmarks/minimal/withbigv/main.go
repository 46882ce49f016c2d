// Command withbigv prints a virtual machine with package bigv. Its size is compared with that of withnethttp.
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
		slog.Error("creating the client", "error", err)
		os.Exit(1)
	}
	vm, err := client.VirtualMachines.Get(context.Background(), bigv.VirtualMachineID(5012))
	if err != nil {
		slog.Error("getting the virtual machine", "error", err)
		os.Exit(1)
	}
	slog.Info("virtual machine", "hostname", vm.Hostname, "memory", vm.Memory)
}
