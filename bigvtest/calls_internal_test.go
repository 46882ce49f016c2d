package bigvtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCallIDs(t *testing.T) {
	var c calls
	first, second := new(int), new(int)
	assert.Equal(t, []string{"1", "2", "1"}, []string{c.id(first), c.id(second), c.id(first)})
	for range maxRecentCalls - 1 {
		c.id(new(int))
	}
	assert.Equal(t, "2", c.id(second))
	assert.Len(t, c.ids, maxRecentCalls)
	assert.Equal(t, "10002", c.id(first), "forgotten")
}
