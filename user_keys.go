package bigv

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errNotAKey = errors.New("key must be one line of an SSH public key, as in the file id_ed25519.pub: " +
	"a type and a key in Base64, such as ssh-ed25519 AAAA… comment")

// checkPublicKey returns an error if a line is not an SSH public key in the format of
// authorized_keys: options, type, key and comment, of which the first and the last are optional.
func checkPublicKey(line string) error {
	fields := strings.Fields(line)
	i := slices.IndexFunc(fields, isKeyType)
	if i < 0 || i+1 == len(fields) || strings.ContainsAny(line, "\n\r") {
		return errNotAKey
	}
	key, err := base64.StdEncoding.DecodeString(fields[i+1])
	if err != nil {
		return errNotAKey
	}
	// The key begins with its type, after the length of that.
	if len(key) > 32 && (binary.BigEndian.Uint32(key) != uint32(len(fields[i])) || !strings.HasPrefix(string(key[4:]), fields[i])) {
		return errNotAKey
	}
	return nil
}

// checkPublicKeys returns an error if a line of an attribute is no SSH public key. Blank lines and
// comments are allowed, as in an authorized_keys file.
func checkPublicKeys(attribute, lines string) error {
	n := 0
	for line := range strings.Lines(lines) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := checkPublicKey(line); err != nil {
			return fmt.Errorf("%s: line %d: %w", attribute, n, err)
		}
	}
	return nil
}

// isKeyType reports whether a word is the name of a type of SSH public key.
func isKeyType(word string) bool {
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-"} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}
