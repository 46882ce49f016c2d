//go:build !js && !plan9

package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// stopSignals returns the signals that stop the program in order, without those that it was started to ignore, as
// nohup does. It also makes writing to a closed pipe an error, which would otherwise end the program at once.
func stopSignals() []os.Signal {
	signal.Ignore(syscall.SIGPIPE)
	return append(slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGHUP}, signal.Ignored), syscall.SIGTERM)
}
