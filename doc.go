// Package bigv manages Bytemark Cloud Servers, once called BigV.
//
// # The model
//
// An account holds groups, and each account starts with one called default. A
// group holds virtual machines. A virtual machine has discs and network
// interfaces; discs have backups and backup schedules, network interfaces have
// IP addresses. Beside that tree are users, who log in; privileges, each of which
// allows a user something on an account, a group or a virtual machine; and API
// keys, which belong to a user and have privileges of their own. Sessions are
// logins, of the authentication service; definitions are the values that the
// service knows; VM defaults are templates that a panel fills its form from.
//
// A virtual machine has two switches: power_on says whether it is on, and
// autoreboot_on whether the service starts it again when it goes off. A machine
// with autoreboot on never stays off, so Stop and Shutdown turn both off.
//
// # Calls
//
// A [Client] has a service for each kind of thing, and each service a method for
// each thing that can be done:
//
//	client, err := bigv.NewClient(bigv.WithAPIKey(key)) // or bigv.NewClientFromEnv()
//	web := bigv.AccountPath("acme").Group("web")
//	vms, err := client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web})
//
// Every call takes a context first and ends when it ends. It returns a value and
// an error, and call options go last: [WithResponse] tells of the exchange,
// [WithView] and [WithDeleted] change what a read shows, [WithQuery] and
// [WithHeader] send more along. [Client.Do] reaches an endpoint that has no
// method. One client serves a whole program and all its goroutines; [Client.With]
// makes another with other options.
//
// Sizes of memory and discs are whole MiB. Lists are whole with List, and handed
// out one at a time as they arrive, in constant memory, with All. When a list of
// All fails, now or in the middle, its sequence ends with a zero value and the
// error; what was handed out before that is good:
//
//	for vm, err := range client.VirtualMachines.All(ctx, options) {
//		if err != nil {
//			return err // vm is zero, and nothing follows
//		}
//		...
//	}
//
// All asks again by itself only while it has handed out nothing.
//
// # Paths
//
// What is to be read or changed is named by a path, which reads as its URL does:
//
//	acme := bigv.AccountPath("acme")     // by name, or by ID if it is all digits
//	web  := acme.Group("web")            // [GroupPath]
//	www1 := web.VirtualMachine("www1")   // [VirtualMachinePath]
//	root := www1.Disc("root")            // [DiscPath]
//
// As text it is written the other way around, as host names are: www1.web.acme.
// [ParseVirtualMachinePath] and its like read that, paths are text in JSON, YAML
// and flags, and [VirtualMachineID] and its like make a path of an ID alone, #5012
// as text. What a service returns has a Path method that goes on naming it after
// a rename.
//
// The service has two styles of URL. Full paths use the nested one by default,
// and the flat one for reads with [WithURLStyle]([FlatURLs]); IDs alone use the
// flat one. Writes are nested, and one on an ID alone looks up its parents first;
// Resolve does so once for those who write often. Since the service ignores query
// parameters that it does not know, every flat answer is held against what was
// asked for, and one that does not bear it out is [ErrFilterIgnored], never a result.
//
// A name becomes one segment of the URL, whatever it holds. Empty names, "." and
// "..", control characters and IDs that are not above zero are refused, and
// nothing is sent. So are new names that are all digits, which the service would
// read as IDs.
//
// # Unset, value and null
//
// In updates, nil leaves an attribute as it is, and new(0) or new(false) is sent.
// Attributes that can be cleared are [Nullable]: zero leaves them, [Set] gives a
// value and [Null] clears. What is read is plain: null reads as zero.
//
// # Errors
//
// A call that was refused before anything was sent says so. Every other failed
// call ends in an [*Error], which tells what was being done, to what, what the
// service said and what to try. errors.Is finds its kind:
//
//	[ErrBadRequest]      400: a bad attribute, or refused as things stand
//	[ErrUnauthorized]    401: no token, or a bad or expired one; also a login that is refused with 403
//	[ErrForbidden]       403: visible, but not yours to change; also a login that is refused with 403
//	[ErrNotFound]        404: absent, or hidden from you: the service does not say which
//	[ErrRateLimited]     429: not done, try again later
//	[ErrServer]          5xx
//	[ErrUnavailable]     503: not done, try again later
//	[ErrOutcomeUnknown]  it may have been done, and may not: its answer was lost
//	[ErrSessionExpired]  logged out, and a new one-time code is needed
//	[ErrInvalidResponse]          a 2xx whose body is not what was promised
//	[ErrTooLarge]        a 2xx whose body is over the limit: see [WithMaxResponseSize]
//	[ErrFilterIgnored]         a list held what its filter excludes
//	[ErrRedirect]        3xx: it led elsewhere, where credentials must not go
//	[ErrNoCredential]    no credentials are set: nothing was sent
//
// and errors.As the types with more to tell: [*BadRequestError] has what is wrong
// with each attribute, and [*WaitError], which a wait ends in that did not see its
// condition come true, what was seen last.
//
// # What is sent again
//
// Each operation has a class. Reads are one. A PUT of absolute values and a
// DELETE are repeatable: they end in the same state however often they are carried
// out. All that makes something, and a restart, a restore, a rename, a move and a
// swap, are once: they are never sent again after they may have been carried out.
//
//	what happened                             reads  repeatable                      once
//	nothing was written                       again  again                           again
//	429, 503                                  again  again                           again if it says Retry-After, else fails: not done
//	502, 504, no answer                       again  again                           fails: ErrOutcomeUnknown
//	500                                       again  fails                           fails: ErrOutcomeUnknown
//	other 4xx, a bad certificate, a redirect  fails  fails                           fails
//	2xx cut short                             again  read back (a DELETE is done)    fails: ErrOutcomeUnknown
//	2xx that is a web page                    fails  fails: ErrOutcomeUnknown        fails: ErrOutcomeUnknown
//	2xx that cannot be read otherwise         fails  read back (a DELETE is done)    fails: ErrOutcomeUnknown
//	2xx with an empty body, where one is due  fails  read back                       read back where it can be named
//
// Waits between attempts grow, are jittered and end with the context; one that
// would outlast its deadline is not begun. A 401 is answered by one more attempt
// if there is another token. Over HTTP/2 a request that the service refuses or
// breaks off counts as one without an answer. A DELETE that meets a 404 has
// succeeded if an earlier attempt may have been carried out. [WithRetryPolicy]
// sets the numbers. Creations of virtual machines by one client take turns, since
// the service has been seen to deadlock: [WithConcurrentCreates].
//
// Calls without a deadline end too: [Timeouts] bound how long the service may
// keep silent, and [WithMaxResponseSize] how much it may say.
//
// # Secrets
//
// Passwords, tokens, keys and scripts are [Secret], which prints as [redacted]
// everywhere. Errors and logs never hold a request's body or its Authorization
// header, and what an answer echoes of a request's secrets is removed. What
// [WithCapture] writes has bodies, without the secrets in them. Credentials are
// sent to the configured origins only, never along a redirect, and plain http is
// refused off this host.
//
// # Time
//
// Creating a virtual machine, shutting it down, restarting it, taking a backup and
// restoring one go on after the call has returned. Wait follows them, and
// CreateAndWait, ShutdownAndWait and UpdateAndRestart put the steps together.
//
// # Watching it
//
// [WithLogger] logs a line a request, [WithAttemptHook] is told of each attempt,
// [WithCapture] writes what was sent and what came back, for a support case, and
// [CallFromContext] tells a transport of yours, given with [WithTransport], which
// call a request belongs to: its operation and route make names of spans and labels
// of metrics, and hold no names or IDs.
//
// # Testing
//
// Package bigvtest is the service in memory: a test of a program that uses bigv
// starts one and runs against it. Where that is more than a test needs, the
// program takes a small interface of the methods that it calls, which the services
// satisfy and a stub does too.
package bigv
