package bigv_test

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var (
	exhaustive = flag.Bool("exhaustive", false, "test every combination where the default is to test a sample")
	sampleSeed = flag.Uint64("sampleseed", 0, "random seed of samples; 0 picks one")
)

// sample chooses the combinations of a large product that are tested: all of them with -exhaustive, otherwise evenly spread ones that
// start at a random offset.
type sample struct {
	offset int
	step   int
}

// newSample returns a sample of one combination in step, and logs how to repeat it.
func newSample(t *testing.T, step int) sample {
	t.Helper()
	if *exhaustive {
		return sample{step: 1}
	}
	seed := *sampleSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("to repeat this sample: go test -run '%s' -sampleseed %d . (or -exhaustive for all combinations)", t.Name(), seed)
	return sample{offset: int(seed % 1_000_003), step: step}
}

// includes reports whether the combination with a number is tested.
func (s sample) includes(number int) bool { return (number+s.offset)%s.step == 0 }

// choose returns the alternatives, of n, that are tested for the combination with a number: a single one, or all with -exhaustive.
func (s sample) choose(number, n int) []int {
	if !*exhaustive {
		return []int{(number + s.offset) % n}
	}
	alternatives := make([]int, n)
	for i := range alternatives {
		alternatives[i] = i
	}
	return alternatives
}
