package main

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"
)

// keyOptions lists the options that may precede a key. An SSH server ignores a key with any other.
var keyOptions = strings.Fields(`agent-forwarding cert-authority command environment expiry-time from no-agent-forwarding
	no-port-forwarding no-pty no-touch-required no-user-rc no-x11-forwarding permitlisten permitopen port-forwarding principals pty
	restrict tunnel user-rc verify-required x11-forwarding`)

// checkKey returns an error unless a text is a line of an authorized_keys file that SSH servers can use, and if it may
// contain a private key. The error does not contain the text.
func checkKey(line string) error {
	// The last text is how the Base64 form of an OpenSSH private key begins.
	isSecret := func(text string) bool { return strings.Contains(line, text) }
	if slices.ContainsFunc([]string{"PRIVATE KEY", "Private-Lines", "b3BlbnNzaC1rZXktdjE"}, isSecret) ||
		slices.ContainsFunc(strings.Fields(line), isPrivateDER) {
		return errors.New("contains a private key, which must stay secret: use the public key, from the file whose name ends in .pub")
	}
	line = strings.TrimSpace(line)
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return errors.New("is empty or a comment")
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return errors.New("must be one line, without control characters")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return errors.New("is not an SSH public key: it needs a type and a key, such as ssh-ed25519 AAAA…")
	}
	isUnknown := func(option string) bool {
		name, _, _ := strings.Cut(strings.ToLower(option), "=")
		return !slices.Contains(keyOptions, name)
	}
	before, _, _ := strings.Cut(line, key.Type()) // a comma at the end of the options is not in the list of them
	if slices.ContainsFunc(options, isUnknown) || strings.HasSuffix(strings.TrimSpace(before), ",") {
		return errors.New("has a word before its type that is not an option, for which SSH servers ignore the key")
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return errors.New("is a certificate, which SSH servers do not accept as a key: use the public key")
	}
	if k, ok := key.(ssh.CryptoPublicKey); ok {
		if k, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < 1024 {
			return errors.New("is an RSA key of fewer than 1024 bits, which SSH servers do not accept")
		}
	}
	return nil
}

// isPrivateDER reports whether a word may begin a private key in Base64 without a line before it. In DER, a private key
// is a sequence that begins with a version, 0 or 1; no public key does.
func isPrivateDER(word string) bool {
	der, _ := base64.StdEncoding.DecodeString(word[:min(len(word), 12)])
	if len(der) < 9 || der[0] != 0x30 {
		return false
	}
	version := 2 // its position, after a length of one byte
	if der[1] == 0x81 || der[1] == 0x82 {
		version += int(der[1] & 0x7f)
	}
	return der[version] == 2 && der[version+1] == 1 && der[version+2] <= 1
}
