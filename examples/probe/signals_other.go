//go:build js || plan9

package main

import (
	"os"
	"syscall"
)

// stopSignals returns the signals that stop the program in order.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
