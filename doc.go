// Package bigv is a client for the API of Bytemark Cloud Servers, formerly called BigV.
//
// # Resources
//
// An account contains groups; every account starts with a group called "default". A group contains
// virtual machines. A virtual machine has discs and network interfaces. Discs have backups and
// backup schedules; network interfaces have IP addresses.
//
// Users log in. A privilege allows a user something on an account, a group or a virtual machine. An
// API key belongs to a user and has privileges of its own. Sessions are logins at the separate
// authentication service. Definitions are the values that the service accepts, such as the names of
// distributions. VM defaults are templates for the form of a control panel.
//
// A virtual machine has two power settings: power_on is whether it is on, and autoreboot_on is
// whether the service starts it again when it goes off. A machine with autoreboot on never stays
// off, so Stop and Shutdown turn both off.
//
// # Calls
//
// A [Client] has a service for each kind of resource, and a service has a method for each operation:
//
//	client, err := bigv.NewClient(bigv.WithAPIKey(key)) // or bigv.NewClientFromEnv()
//	web := bigv.AccountPath("acme").Group("web")
//	vms, err := client.VirtualMachines.List(ctx, bigv.VirtualMachineListOptions{Group: web})
//
// The first argument of every call is a context; the call ends when the context ends. The last
// arguments are call options: [WithResponse] returns the status and headers of the response,
// [WithView] and [WithDeleted] change what a read returns, [WithQuery] and [WithHeader] add to the
// request. [Client.Do] calls an endpoint that has no method.
//
// A client is safe for concurrent use, and a program usually needs only one. [Client.With] returns a
// copy with other options.
//
// Sizes of memory and discs are in MiB.
//
// # Lists
//
// The service has no pagination. List methods return the whole list. All methods return an iterator
// that yields the elements as they arrive, in constant memory. If the call fails, before or after
// the first element, the iterator yields a zero value with the error and stops. Elements yielded
// before the error are valid:
//
//	for vm, err := range client.VirtualMachines.All(ctx, options) {
//		if err != nil {
//			return err // vm is zero, and nothing follows
//		}
//		...
//	}
//
// An iterator retries only until it has yielded the first element.
//
// # Paths
//
// A path identifies a resource, and is built like its URL:
//
//	acme := bigv.AccountPath("acme")     // by name, or by ID if it is all digits
//	web  := acme.Group("web")            // [GroupPath]
//	www1 := web.VirtualMachine("www1")   // [VirtualMachinePath]
//	root := www1.Disc("root")            // [DiscPath]
//
// The text form is in the order of host names: www1.web.acme. [ParseVirtualMachinePath] and similar
// functions parse it, and the path types implement encoding.TextMarshaler and TextUnmarshaler.
// [VirtualMachineID] and similar functions return a path with an ID alone, whose text form is #5012.
// Returned resources have a Path method, whose result stays valid when the resource is renamed.
//
// A name becomes a single segment of the URL, whatever characters it contains. Empty names, "." and
// "..", control characters and IDs that are not positive are errors, and nothing is sent. New names
// that are all digits are errors too, since the service would read them as IDs.
//
// # URL styles
//
// The service has nested URLs, such as /accounts/acme/groups/web/virtual_machines/www1, and flat
// ones, such as /virtual_machines/5012. The client uses nested URLs for full paths, and flat ones
// for paths with an ID alone. [WithURLStyle]([FlatURLs]) makes it read full paths with flat URLs too.
//
// Writes always use nested URLs. A write to a path with an ID alone first looks up the parents; call
// Resolve once to save these requests before several writes.
//
// The service ignores query parameters that it does not know. The client therefore verifies that
// each element of a flat list matches the filter. If one does not, the error matches
// [ErrFilterIgnored].
//
// # Unset, zero and null
//
// In updates, a nil field leaves the attribute unchanged, while new(0) and new(false) are sent.
// Attributes that can be cleared have the type [Nullable]: the zero value leaves the attribute
// unchanged, [Set] sets it and [Null] clears it. In results, null is read as the zero value.
//
// # Errors
//
// If a request was sent and failed, the error is an [*Error] with the operation, the resource, the
// status and the message of the service. If a call fails before anything is sent, its error says so.
// Use errors.Is to find the kind of an error:
//
//	[ErrBadRequest]       400: an attribute is invalid, or the service refuses the action
//	[ErrUnauthorized]     401: no token, or a wrong or expired one; also 403 for a login
//	[ErrForbidden]        403: the caller may see the resource but not do this to it; also for a login
//	[ErrNotFound]         404: the resource does not exist, or the caller may not see it
//	[ErrRateLimited]      429: not done; retry later
//	[ErrServer]           5xx
//	[ErrUnavailable]      503: not done; retry later
//	[ErrOutcomeUnknown]   a write was sent, but its response was lost
//	[ErrSessionExpired]   the session has ended, and a login needs a new one-time code
//	[ErrInvalidResponse]  a 2xx response cannot be decoded, or lacks the result
//	[ErrTooLarge]         a 2xx response is larger than [WithMaxResponseSize] allows
//	[ErrFilterIgnored]    a list contains elements that its filter excludes
//	[ErrRedirect]         3xx: a redirect of a write, or to another origin
//	[ErrNoCredential]     the client has no credentials; nothing was sent
//
// Use errors.As for details: [*BadRequestError] has the messages for each attribute, and
// [*WaitError] has the last state that a wait has seen.
//
// # Retries
//
// Each operation has one of three kinds. Reads are safe. A PUT of absolute values and a DELETE are
// idempotent: repeating them has no further effect. Everything that creates a resource, and
// restarts, restores, renames, moves and swaps, are not idempotent: they are never retried once the
// service may have processed them.
//
//	failure                               read   idempotent write        non-idempotent write
//	not sent                              retry  retry                   retry
//	429, 503                              retry  retry                   retry with Retry-After, else error
//	502, 504, no response                 retry  retry                   ErrOutcomeUnknown
//	500                                   retry  error                   ErrOutcomeUnknown
//	other 4xx, bad certificate, redirect  error  error                   error
//	2xx, body incomplete                  retry  read (DELETE: success)  ErrOutcomeUnknown
//	2xx, body is a web page               error  ErrOutcomeUnknown       ErrOutcomeUnknown
//	2xx, body invalid otherwise           error  read (DELETE: success)  ErrOutcomeUnknown
//	2xx, body empty but expected          error  read                    read if its path is known
//
// "Read" means that the client reads the resource to return its state after the write. "Error" means
// that the call fails at once. Retries end with the last attempt; where an idempotent write may have
// been processed by then, the error matches [ErrOutcomeUnknown].
//
// The waits between attempts grow, are random and end with the context. If a wait would exceed the
// context's deadline, the call returns at once. [WithRetryPolicy] sets the number of attempts and
// the waits.
//
// After a 401 response, the request is sent once more if another token is available. An HTTP/2
// request that the server refuses or resets counts as one without a response. A DELETE that gets a
// 404 succeeds if an earlier attempt may have been processed.
//
// Calls of VirtualMachines.Create by one client run one at a time, since concurrent creates have
// caused deadlocks in the service; see [WithConcurrentCreates].
//
// # Timeouts and limits
//
// [Timeouts] limits how long a call waits for the server to make progress, even if its context has no
// deadline. [WithMaxResponseSize] limits the size of a response.
//
// # Secrets
//
// Passwords, tokens, keys and scripts have the type [Secret], which prints as [redacted]. Errors and
// logs never contain the body or the Authorization header of a request; secrets of the request that
// a response repeats are removed. The output of [WithCapture] contains bodies, but no secrets.
//
// Credentials are sent to the configured origins only, and never follow a redirect to another one.
// Plain http is refused except for the local host; see [WithInsecureHTTP].
//
// # Asynchronous operations
//
// Creating, shutting down and restarting a virtual machine, and taking and restoring a backup,
// continue after the call has returned. The Wait methods poll until a condition holds.
// CreateAndWait, ShutdownAndWait, RestartAndWait and UpdateAndRestart combine the steps.
//
// # Logging and metrics
//
// [WithLogger] logs each request. [WithAttemptHook] calls a function after each attempt.
// [WithCapture] writes requests and responses, for a support case. In a transport that was set with
// [WithTransport], [CallFromContext] returns the operation and the route of a request, which contain
// no names or IDs and are usable as span names and metric labels.
//
// # Testing
//
// Package bigvtest implements the service in memory; start a server and run the program under test
// against it. For smaller tests, declare an interface with the methods that the program calls. The
// services implement it, and so can a stub.
package bigv
