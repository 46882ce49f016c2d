package bigvtest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCertificateAddresses(t *testing.T) {
	_, certificate, err := makeCertificate(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)})
	require.NoError(t, err)
	assert.NoError(t, certificate.VerifyHostname("192.0.2.1"))
	assert.NoError(t, certificate.VerifyHostname("::1"))
	assert.Error(t, certificate.VerifyHostname("192.0.2.2"))
}
