package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// printf prints a format and its arguments, which are cleaned unless they are numbers.
func printf(out io.Writer, format string, args ...any) {
	for i, arg := range args {
		if _, isNumber := arg.(int); !isNumber {
			args[i] = clean(fmt.Sprint(arg))
		}
	}
	fmt.Fprintf(out, format, args...)
}

// clean replaces control characters and invisible characters, such as those that reverse the direction of text, so
// that a text of the service cannot change what a terminal shows.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// printError prints an error, each line of it after the name of the program.
func printError(out io.Writer, program string, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		printf(out, "%s: %s\n", program, line)
	}
}
