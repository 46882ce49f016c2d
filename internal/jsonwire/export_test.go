package jsonwire

// UnmarshalByLibrary is what Unmarshal does without a cursor.
var UnmarshalByLibrary = unmarshalByLibrary

// ParseAddr is the parser of addresses.
var ParseAddr = parseAddr
