package sim

import (
	"flag"
	"io"
	"log"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		sampleSize, *seeds = 1, 50
	}
	log.SetOutput(io.Discard) // net/http logs violations of HTTP/2, which are faults here
	os.Exit(m.Run())
}
