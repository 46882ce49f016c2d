package jsonwire

import (
	"encoding/binary"
	"net/netip"
)

// parseAddr parses an address like [netip.ParseAddr], which would allocate memory for
// the text. It reports false for what is not an address, and for zones and IPv4
// addresses within IPv6 addresses.
func parseAddr(text []byte) (addr netip.Addr, ok bool) {
	for _, b := range text[:min(len(text), 5)] {
		switch b {
		case '.':
			return parseIPv4(text)
		case ':':
			return parseIPv6(text)
		}
	}
	return addr, false
}

// parseIPv4 parses four decimal numbers.
func parseIPv4(text []byte) (addr netip.Addr, ok bool) {
	var bytes [4]byte
	i := 0
	for n := range bytes {
		if n > 0 {
			if i == len(text) || text[i] != '.' {
				return addr, false
			}
			i++
		}
		value, start := 0, i
		for ; i < len(text) && isDigit(text[i]) && i < start+3; i++ {
			value = 10*value + int(text[i]-'0')
		}
		if i == start || value > 255 || i > start+1 && text[start] == '0' {
			return addr, false
		}
		bytes[n] = byte(value)
	}
	return netip.AddrFrom4(bytes), i == len(text)
}

// parseIPv6 parses eight hexadecimal numbers, or fewer with two colons between them.
func parseIPv6(text []byte) (addr netip.Addr, ok bool) {
	var bytes [16]byte
	n, gap, i := 0, -1, 0 // n bytes have been read, and the colons were before byte gap
	if len(text) >= 2 && text[0] == ':' && text[1] == ':' {
		gap, i = 0, 2
	}
	for i < len(text) {
		if n == len(bytes) {
			return addr, false
		}
		value, start := 0, i
		for ; i < len(text) && i < start+4; i++ {
			digit := hexDigit(text[i])
			if digit < 0 {
				break
			}
			value = value<<4 | digit
		}
		if i == start {
			return addr, false
		}
		binary.BigEndian.PutUint16(bytes[n:], uint16(value))
		n += 2
		if i == len(text) {
			break
		}
		if text[i] != ':' || i+1 == len(text) {
			return addr, false
		}
		if i++; text[i] == ':' {
			if gap >= 0 {
				return addr, false
			}
			gap = n
			i++
		}
	}
	if gap >= 0 && n < len(bytes) {
		copy(bytes[len(bytes)-(n-gap):], bytes[gap:n])
		clear(bytes[gap : len(bytes)-(n-gap)])
		n = len(bytes)
	} else if gap >= 0 {
		return addr, false
	}
	return netip.AddrFrom16(bytes), n == len(bytes)
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}
