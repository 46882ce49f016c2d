package jsonwire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// anyByte returns all bytes, each as a text, and sequences of bytes that are special in a string.
func anyByte() []string {
	texts := []string{
		"é", "\u2028", "\U0001f600", "\ufffd", // valid UTF-8 of two to four bytes
		"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80\x80", // invalid
		`\n`, `\"`, `\\`, `\u0041`, `\u0000`, `\ud83d\ude00`, `\ud800`, `\ud800\u0041`, `\x`, `\u00`, "\x00\x1f", "\\\x01", `\`, `""`,
	}
	for b := range 256 {
		texts = append(texts, string([]byte{byte(b)}))
	}
	return texts
}

// maxOffset is the last place in a string at which a byte is tested: eight bytes at a time are looked at, and what remains by itself.
const maxOffset = 17

// Whatever is in a string, and wherever, it is decoded as by the library.
func TestAnyByteInAString(t *testing.T) {
	for _, format := range []string{
		`{"name":"%s"}`, `{"x":"%s","id":1}`, `{"%s":1,"id":2}`, `{"x":{"%s":"y"}}`, `{"id":"%s"}`, `{"child":{"name":"%s"`,
	} {
		for _, text := range anyByte() {
			for offset := range maxOffset + 1 {
				for _, after := range []int{0, 1, maxOffset} {
					body := []byte(fmt.Sprintf(format, strings.Repeat("a", offset)+text+strings.Repeat("b", after)))
					var got, want object
					err, wantErr := Unmarshal(body, &got), UnmarshalByLibrary(body, &want)
					assert.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err), "%q", body)
					if wantErr == nil {
						assert.Equal(t, want, got, "%q", body)
					}
				}
			}
		}
	}
}

// Each special byte is found wherever it is, and no other one is taken for it. The bytes around it are those next to the special ones,
// which a subtraction with a borrow could make special.
func TestPlainPrefix(t *testing.T) {
	for b := range 256 {
		special := b < ' ' || b == '"' || b == '\\' || b >= 0x80
		for _, around := range []string{"a", " ", "!", "#", "[", "]", "\x7f"} {
			for offset := range maxOffset + 1 {
				for _, after := range []int{0, 1, maxOffset} {
					data := strings.Repeat(around, offset) + string([]byte{byte(b)}) + strings.Repeat(around, after)
					want := offset
					if !special {
						want = len(data)
					}
					if got := plainPrefix([]byte(data)); got != want {
						t.Errorf("%q: %d, want %d", data, got, want)
					}
				}
			}
		}
	}
}
