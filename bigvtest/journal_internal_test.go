package bigvtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Without a size limit, large responses would exhaust the memory in a long test.
func TestJournalSizeLimit(t *testing.T) {
	large := make([]byte, 20<<20)
	j := journal{limit: 100}
	keep := func(e *entry, body []byte) {
		j.begin(e)
		j.end(e, rawResponse{body: body}, "", false)
	}
	for range 5 {
		keep(&entry{}, large)
	}
	assert.Len(t, j.entries, 3, "four bodies exceed 64 MiB")
	keep(&entry{request: large}, nil)
	assert.Len(t, j.entries, 3)
	for range 50 {
		keep(&entry{}, nil)
	}
	assert.Len(t, j.entries, 53, "empty bodies have no size")

	late := &entry{}
	j.begin(late)
	j.limit = 1
	j.begin(&entry{})
	j.end(late, rawResponse{body: large}, "", false)
	assert.Zero(t, j.size, "the response to a discarded entry is not kept")
}
