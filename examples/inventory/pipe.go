//go:build !js && !plan9

package main

import (
	"errors"
	"os/signal"
	"syscall"
)

// ignoreSIGPIPE makes writing to a closed pipe an error, which would otherwise end the program.
func ignoreSIGPIPE() { signal.Ignore(syscall.SIGPIPE) }

// isBrokenPipe reports whether an error means that the reader closed the pipe.
func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
