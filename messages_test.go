package bigv_test

// Parts of error messages that several tests expect.
const (
	notSentText  = "nothing was sent"
	readBackText = "it was done, but reading it back failed"
)
