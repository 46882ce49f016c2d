package jsonwire

// UnmarshalByLibrary is Unmarshal without a cursor.
func UnmarshalByLibrary(data []byte, v any) error { return explain(unmarshalByLibrary(data, v)) }

// ParseAddr is the parser of addresses.
var ParseAddr = parseAddr
