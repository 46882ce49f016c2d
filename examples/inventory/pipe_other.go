//go:build js || plan9

package main

func ignoreSIGPIPE() {}

func isBrokenPipe(error) bool { return false }
