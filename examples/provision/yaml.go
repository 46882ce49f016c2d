package main

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// decode decodes YAML or JSON into the struct that into points to. Unlike yaml.Unmarshal, it refuses what may be a
// mistake: unknown and duplicate keys, keys without a value, values that do not fit their type, and a second document.
func decode(text []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	} else if err != nil {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return cmp.Or(err, errors.New("the file has more than one document: use one file for each"))
	}
	if err := check(document.Content[0], reflect.TypeOf(into).Elem(), "the document"); err != nil {
		return err
	}
	return document.Decode(into)
}

// check returns an error, with line and column, if a node does not fit a type exactly.
func check(node *yaml.Node, t reflect.Type, name string) error {
	line, column := node.Line, node.Column
	fail := func(format string, args ...any) error {
		return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	tag, kind := node.ShortTag(), t.Kind()
	unmarshaler, isText := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	isText = isText || kind == reflect.String || t == reflect.TypeFor[time.Duration]()
	switch {
	case tag == "!!null":
		return fail("%s has no value", name)
	case kind == reflect.Pointer:
		return check(node, t.Elem(), name)
	case isText && tag != "!!str" && tag != "!!int" && tag != "!!timestamp":
		return fail("%s must be a text; put it in quotes if it looks like another type", name)
	case unmarshaler != nil:
		if err := unmarshaler.UnmarshalText([]byte(node.Value)); err != nil {
			return fail("%s: %v", name, err)
		}
	case t == reflect.TypeFor[time.Duration]():
		if _, err := time.ParseDuration(node.Value); err != nil {
			return fail("%s must be a duration such as 24h: %v", name, err)
		}
	case kind == reflect.Bool && tag != "!!bool":
		return fail("%s must be true or false", name)
	case kind == reflect.Int:
		if n, err := strconv.Atoi(node.Value); err != nil || tag != "!!int" || strconv.Itoa(n) != node.Value {
			return fail("%s must be a whole number, in decimal", name)
		}
	case kind == reflect.Slice:
		if tag != "!!seq" {
			return fail("%s must be a list", name)
		}
		for i, element := range node.Content {
			if err := check(element, t.Elem(), fmt.Sprintf("%s[%d]", name, i)); err != nil {
				return err
			}
		}
	case kind == reflect.Map || kind == reflect.Struct:
		if tag != "!!map" {
			return fail("%s must be a mapping of keys to values", name)
		}
		return checkMapping(node, t)
	}
	return nil
}

// checkMapping checks the keys and values of a mapping.
func checkMapping(mapping *yaml.Node, t reflect.Type) error {
	types := map[string]reflect.Type{}
	if t.Kind() == reflect.Struct {
		for _, field := range reflect.VisibleFields(t) {
			types[field.Tag.Get("yaml")] = field.Type
		}
	}
	seen := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if key.ShortTag() == "!!merge" {
			return fmt.Errorf("line %d, column %d: merge keys are not supported", key.Line, key.Column)
		}
		if err := check(key, reflect.TypeFor[string](), "a key"); err != nil {
			return err
		}
		name := key.Value
		if key.Kind == yaml.AliasNode {
			name = key.Alias.Value
		}
		valueType, known := types[name]
		if t.Kind() == reflect.Map {
			valueType, known = t.Elem(), true
		}
		problem := ""
		switch {
		case seen[name]:
			problem = "duplicate"
		case !known:
			problem = "unknown"
		}
		if problem != "" {
			return fmt.Errorf("line %d, column %d: %s key %q", key.Line, key.Column, problem, name)
		}
		seen[name] = true
		if err := check(value, valueType, name); err != nil {
			return err
		}
	}
	return nil
}
