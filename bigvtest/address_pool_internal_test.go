package bigvtest

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAddressPoolReusesReleasedAddressesLast(t *testing.T) {
	st := newState()
	addr := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, last}) }
	st.pools["ipv4"] = &addressPool{next: addr(1), prefix: netip.MustParsePrefix("10.0.0.0/30")}
	st.ips[addr(2)] = &ip{} // reserved by a request
	take := func() netip.Addr {
		taken, present := st.allocateAddress("ipv4")
		if present {
			st.ips[taken] = &ip{}
		}
		return taken
	}
	assert.Equal(t, addr(1), take())
	st.releaseAddress(addr(1))
	assert.Equal(t, addr(3), take(), "addresses that were never used come first")
	assert.Equal(t, addr(1), take())
	assert.False(t, take().IsValid(), "no address is free")
	st.releaseAddress(addr(3))
	st.releaseAddress(addr(2))
	st.ips[addr(3)] = &ip{}
	assert.Equal(t, addr(2), take())
}
