//go:build go1.27

package main

import (
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"fmt"
	"io"
)

// newerBaselines returns a client that uses encoding/json/v2.
func newerBaselines() []*baseline {
	return []*baseline{{
		name:      "encoding/json/v2",
		unmarshal: func(data []byte, into any) error { return jsonv2.Unmarshal(data, into) },
		stream:    streamMachinesV2,
	}}
}

// streamMachinesV2 decodes a list of machines with encoding/json/v2.
func streamMachinesV2(r io.Reader, use func(machine)) error {
	dec := jsontext.NewDecoder(r)
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '[' {
		return fmt.Errorf("expected a list, found %v: %w", start, err)
	}
	for dec.PeekKind() != ']' {
		var vm machine
		if err := jsonv2.UnmarshalDecode(dec, &vm); err != nil {
			return err
		}
		use(vm)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// byRelease returns the second of two targets. The first is for releases without version 2 of encoding/json.
func byRelease(_, second float64) float64 { return second }
