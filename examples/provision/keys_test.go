package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/bigv-go/bigv/bigvtest"
)

const laptop = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcYwRLO0DSIqiKyREKSLaVkCIxYVOOv8+tTPFlpmL0o alice@laptop"

// withKeys returns the sample with other SSH keys, in JSON.
func withKeys(keys string) string {
	before, rest, _ := strings.Cut(string(sample), "ssh_keys:")
	_, after, _ := strings.Cut(rest, "discs:")
	return before + keys + "\ndiscs:" + after
}

// privateKey returns a new private key in the form of OpenSSH and of PKCS #8.
func privateKey(t *testing.T) string {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "alice@laptop")
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block))
}

func TestUnusableKeysAreRefused(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaDER := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(rsaKey))
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	require.NoError(t, err)
	pkcs8 := base64.StdEncoding.EncodeToString(der)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	small.N.Rsh(small.N, 512)
	public, err := ssh.NewPublicKey(&small.PublicKey)
	require.NoError(t, err)
	smallKey := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	blob := strings.Fields(laptop)[1]
	private := privateKey(t)
	body := strings.Join(strings.Split(private, "\n")[1:], "")
	for name, tt := range map[string]struct{ keys, want string }{
		"no keys":                        {"", "no way to log in"},
		"an empty list":                  {"ssh_keys: []", "no way to log in"},
		"an empty key":                   {`ssh_keys: [""]`, "ssh_keys[0] is empty or a comment"},
		"a key of spaces":                {`ssh_keys: ["  \t"]`, "ssh_keys[0] is empty or a comment"},
		"an empty key beside a good one": {`ssh_keys: ["` + laptop + `", ""]`, "ssh_keys[1] is empty or a comment"},
		"a comment line":                 {`ssh_keys: ["# ` + laptop + `"]`, "ssh_keys[0] is empty or a comment"},
		"comment lines only":             {"ssh_keys: |\n  # none\n", "ssh_keys must be a list"},
		"two keys in one":                {"ssh_keys: [\"" + laptop + `\n` + laptop + "\"]", "ssh_keys[0] must be one line"},
		"no type":                        {"ssh_keys: [" + blob + "]", "ssh_keys[0] is not an SSH public key"},
		"no type, with a comment":        {"ssh_keys: [" + blob + " alice]", "ssh_keys[0] is not an SSH public key"},
		"only a type":                    {"ssh_keys: [ssh-ed25519]", "ssh_keys[0] is not an SSH public key"},
		"another type":                   {"ssh_keys: [ssh-rsa " + blob + "]", "ssh_keys[0] is not an SSH public key"},
		"an unknown type":                {"ssh_keys: [ssh-ed448 " + blob + "]", "ssh_keys[0] is not an SSH public key"},
		"a key that is cut short":        {"ssh_keys: [ssh-ed25519 " + blob[:40] + "]", "ssh_keys[0] is not an SSH public key"},
		"a key in invalid Base64":        {"ssh_keys: [ssh-ed25519 !" + blob + "]", "ssh_keys[0] is not an SSH public key"},
		"a fingerprint": {
			"ssh_keys: ['SHA256:FzNIwDlYnFzUiT5nVYbrNGNJVHI6QdqoI4nLv/vI0ww']", "ssh_keys[0] is not an SSH public key",
		},
		"the name of a file":       {"ssh_keys: [~/.ssh/id_ed25519.pub]", "ssh_keys[0] is not an SSH public key"},
		"an RFC 4716 key":          {"ssh_keys: ['---- BEGIN SSH2 PUBLIC KEY ----']", "ssh_keys[0] is not an SSH public key"},
		"a DSA key":                {"ssh_keys: [ssh-dss " + dsaBlob() + "]", "ssh_keys[0] is not an SSH public key"},
		"a small RSA key":          {"ssh_keys: ['" + smallKey + "']", "ssh_keys[0] is an RSA key of fewer than 1024 bits"},
		"only a key on Windows":    {"ssh_keys: ['" + laptop + "']\n#win", "no way to log in"},
		"a word before the type":   {"ssh_keys: ['- " + laptop + "']", "ssh_keys[0] has a word before its type that is not an option"},
		"the type twice":           {"ssh_keys: ['ssh-ed25519 " + laptop + "']", "ssh_keys[0] has a word before its type"},
		"an unknown option":        {"ssh_keys: ['no-pty,no-shell " + laptop + "']", "ssh_keys[0] has a word before its type"},
		"a comma after the option": {"ssh_keys: ['no-pty, " + laptop + "']", "ssh_keys[0] has a word before its type"},
		"a certificate":            {"ssh_keys: ['" + certificate(t) + "']", "ssh_keys[0] is a certificate"},
		"no operating system":      {"ssh_keys: ['" + laptop + "']\n#none", "no way to log in"},
		"a private key": {
			"ssh_keys:\n  - |\n    " + strings.ReplaceAll(private, "\n", "\n    "), "ssh_keys[0] contains a private key",
		},
		"a private key in DER (RSA)": {
			"ssh_keys: ['" + laptop + " " + rsaDER + "']", "ssh_keys[0] contains a private key",
		},
		"a private key in DER (PKCS #8)": {
			"ssh_keys: ['" + laptop + "', '" + pkcs8 + "']", "ssh_keys[1] contains a private key",
		},
		"a line of known_hosts": {"ssh_keys: ['www1.example,192.0.2.1 " + laptop + "']", "ssh_keys[0] has a word before its type"},
		"a control character":   {`ssh_keys: ["` + laptop + `\0"]`, "ssh_keys[0] must be one line, without control characters"},
		"a private key beside a good one": {
			"ssh_keys:\n  - " + laptop + "\n  - |\n    " + strings.ReplaceAll(private, "\n", "\n    "),
			"ssh_keys[1] contains a private key",
		},
		"a private key in the comment of a good one": {
			"ssh_keys:\n  - " + laptop + " " + strings.ReplaceAll(private, "\n", "\n    "), "ssh_keys[0] contains a private key",
		},
		"a private key without its first line": {
			"ssh_keys: ['" + laptop + "', '" + laptop + " " + body + "']", "ssh_keys[1] contains a private key",
		},
		"a PuTTY private key":                    {"ssh_keys: ['" + laptop + " Private-Lines: 1']", "ssh_keys[0] contains a private key"},
		"a private key of another program (RSA)": {"ssh_keys: ['-----BEGIN RSA PRIVATE KEY-----']", "ssh_keys[0] contains a private key"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			spec := withKeys(tt.keys)
			switch {
			case strings.HasSuffix(tt.keys, "#win"):
				spec = strings.Replace(spec, "stretch", "winstd2012", 1)
			case strings.HasSuffix(tt.keys, "#none"):
				spec = strings.Replace(spec, "stretch", "none", 1)
			}
			_, err := provision(t.Context(), t, spec)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), body[:30], "the error must not contain a key")
			assert.Empty(t, srv.Journal(), "nothing is sent")
		})
	}
}

// dsaBlob returns a DSA key with small numbers.
func dsaBlob() string {
	type dsaKey struct {
		Type       string
		P, Q, G, Y []byte
	}
	return base64.StdEncoding.EncodeToString(ssh.Marshal(dsaKey{"ssh-dss", []byte{7}, []byte{3}, []byte{2}, []byte{4}}))
}

// certificate returns a certificate of a new key in a line of an authorized_keys file.
func certificate(t *testing.T) string {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	c := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"root"}}
	require.NoError(t, c.SignCert(rand.Reader, signer))
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(c)))
}

func TestUsableKeysAreAccepted(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(&rsaKey.PublicKey)
	require.NoError(t, err)
	for name, key := range map[string]string{
		"Ed25519":         laptop,
		"no comment":      strings.Join(strings.Fields(laptop)[:2], " "),
		"RSA":             strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " alice@desk with spaces",
		"options":         `no-pty,command="/bin/date -u" ` + laptop,
		"more options":    `restrict,PTY,from="192.0.2.0/24,!192.0.2.1",environment="A=b,c" ` + laptop,
		"a CA":            "cert-authority " + laptop,
		"spaces":          strings.ReplaceAll(laptop, " ", "  "),
		"a # in comments": laptop + " #1",
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			_, err := provision(t.Context(), t, withKeys("ssh_keys:\n  - |\n    "+key))
			require.NoError(t, err)
			assert.Equal(t, key, www2(srv).State().SSHPublicKey)
		})
	}
}

func TestNoLogin(t *testing.T) {
	srv := newServer(t)
	output, err := provision(t.Context(), t, withKeys(""), "-no-login")
	require.NoError(t, err)
	assert.Contains(t, output, "Creating www2.web.acme with stretch, cores: 2, memory: 4096 MiB, "+
		"disc root: 25600 MiB, disc data: 51200 MiB\n")
	assert.Greater(t, len(www2(srv).State().RootPassword), 20)

	srv = newServer(t)
	_, err = provision(t.Context(), t, strings.Replace(string(sample), "stretch", "none", 1), "-no-login")
	require.NoError(t, err)
	assert.NotEmpty(t, www2(srv).State().RootPassword)
}

// A private key is not sent as a password either.
func TestPasswordOfSeveralLines(t *testing.T) {
	private := privateKey(t)
	for name, args := range map[string][]string{"file": {"-password-file", writeFile(t, "id_ed25519", private)}, "variable": nil} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			if args == nil {
				t.Setenv("ROOT_PASSWORD", private)
			}
			_, err := provision(t.Context(), t, string(sample), args...)
			require.EqualError(t, err, "the root password must be one line: do not use a file with a private key")
			assert.Empty(t, srv.Journal(), "nothing is sent")
		})
	}
}

// A run that ends after the machine was created says that it exists.
func TestErrorAfterTheCreationSaysWhatExists(t *testing.T) {
	srv := newServer(t)
	srv.Inject(bigvtest.Fault{Method: http.MethodGet, Skip: 2, Times: -1, Status: 403})
	_, err := provision(t.Context(), t, string(sample))
	assert.ErrorContains(t, err, "\nwww2.web.acme was created and is billed: run the program again to complete it")
}

func TestTextOfTheServiceIsCleaned(t *testing.T) {
	srv := newServer(t)
	_, err := provision(t.Context(), t, string(sample))
	require.NoError(t, err)
	srv.Inject(bigvtest.Fault{Method: http.MethodGet, Times: -1, ContentType: "application/json",
		Body: `{"id":5001,"name":"www2","group_id":1,"power_on":true,"cores":2,"memory":4096,"last_imaged_with":"stretch\u001b[31m"}`})
	_, err = provision(t.Context(), t, strings.Replace(string(sample), "stretch", "jessie", 1))
	require.ErrorContains(t, err, "distribution: got stretch\uFFFD[31m, want jessie")
	var out bytes.Buffer
	printf(&out, "%s is %d", "a\u202eb\nc", 5)
	assert.Equal(t, "a\uFFFDb\uFFFDc is 5", out.String())
}

func TestErrorsAreCleaned(t *testing.T) {
	var out bytes.Buffer
	printError(&out, "provision", errors.New("a\u202eb\x1b[2J\nc"))
	assert.Equal(t, "provision: a\uFFFDb\uFFFD[2J\nprovision: c\n", out.String())
}
