package bigv

// KeepAliveEvery is SessionsService.KeepAlive at another interval.
var KeepAliveEvery = (*SessionsService).keepAlive
