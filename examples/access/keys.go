package main

import (
	"crypto/rsa"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"
)

// parseKey parses a line of an authorized_keys file. It returns an error if SSH servers cannot use the line, or if it
// may contain a private key. The error does not contain the line.
func parseKey(line string) (ssh.PublicKey, error) {
	// The last text is how the Base64 form of an OpenSSH private key begins.
	for _, secret := range []string{"PRIVATE KEY", "Private-Lines", "b3BlbnNzaC1rZXktdjE"} {
		if strings.Contains(line, secret) {
			return nil, errors.New("contains a private key, which must stay secret: use the public key, from the file whose name ends in .pub")
		}
	}
	line = strings.TrimSpace(line)
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return nil, errors.New("is empty or a comment")
	case strings.ContainsAny(line, "\r\n"):
		return nil, errors.New("must be one line")
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, errors.New("is not an SSH public key: it needs a type and a key, such as ssh-ed25519 AAAA…")
	}
	// ParseAuthorizedKey ignores the type outside the key, which SSH servers compare.
	if !strings.Contains(strings.Join(strings.Fields(line), " "), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))) {
		return nil, errors.New("has a type that is not that of the key")
	}
	if key.Type() == ssh.InsecureKeyAlgoDSA {
		return nil, errors.New("is a DSA key, which SSH servers no longer accept")
	}
	if k, ok := key.(ssh.CryptoPublicKey); ok {
		if k, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < 1024 {
			return nil, errors.New("is an RSA key of fewer than 1024 bits, which SSH servers do not accept")
		}
	}
	return key, nil
}
