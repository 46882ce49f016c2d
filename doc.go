// Package bigv is a client for the API of Bytemark Cloud Servers, formerly called BigV.
//
// # Resources
//
// An account contains groups; every account starts with a group called "default". A group contains
// virtual machines. A virtual machine has discs and network interfaces. Discs have backups and backup
// schedules; network interfaces have IP addresses.
//
// A user is a person or a program that can log in. A privilege gives a user permissions on an account,
// a group or a virtual machine. An API key belongs to a user and has privileges of its own. Sessions
// are logins at the separate authentication service. Definitions are the values that the service
// accepts, such as the names of distributions. VM defaults are templates with which a control panel
// fills its form for new virtual machines.
//
// A virtual machine has two power settings: power_on is whether it is on, and autoreboot_on is whether
// the service starts it again when it goes off. A machine with autoreboot on never stays off, so Stop
// and Shutdown turn both off.
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
// # Authentication
//
// [NewClientFromEnv] reads the variables, and [NewClient] takes the options:
//
//	BIGV_API_KEY                  WithAPIKey          recommended for programs
//	BIGV_TOKEN                    WithToken           a session's ID; the session is not renewed
//	BIGV_USERNAME, BIGV_PASSWORD  WithCredentials     logs in, and again after the session
//	BIGV_YUBIKEY or BIGV_2FA      WithSecondFactor    one-time code; a variable's for one login
//	                              WithTokenSource     your own source, such as a vault
//	                              WithSessionValidity instead of 5 minutes after the last use
//	BIGV_ACCOUNT                  WithAccount         the account that DefaultAccount refers to
//	BIGV_ENDPOINT                 WithBaseURL         instead of DefaultBaseURL
//	BIGV_AUTH_ENDPOINT            WithAuthURL         instead of DefaultAuthURL
//
// Two kinds of credentials at once are an error, even if one is from the environment. All goroutines
// share one login.
//
// # Lists
//
// The service has no pagination. List methods return the whole list. All methods return an iterator
// that yields the elements as they arrive, in constant memory. If the call fails, before or after the
// first element, the iterator yields a zero value with the error and stops. Elements yielded before
// the error are valid:
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
// The response remains open while the body of the loop runs. If the body takes long, for example
// because it waits for a machine, the service or a proxy may give up and close the connection. The
// iterator then yields an error that matches [ErrInvalidResponse], after the elements that had arrived,
// and the list has to be read again. Use List where the body of the loop makes calls that take long.
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
// The text form has the same order as a host name: www1.web.acme. [ParseVirtualMachinePath] and
// similar functions parse it, and the path types implement encoding.TextMarshaler and TextUnmarshaler.
// [VirtualMachineID] and similar functions return a path with an ID alone, whose text form is #5012.
// It can be written without the #, which begins a comment in YAML and in the shell unless it is
// quoted. Returned resources have a Path method, whose result stays valid when the resource is renamed.
//
// Each name becomes a single segment of the URL, whatever characters it contains. If a name is empty,
// "." or "..", contains a control character, begins or ends with a space, ends with a slash, or is an
// ID that is not positive, the call returns an error and sends nothing. So do calls that give a
// resource a new name that is all digits, since the service would read it as an ID.
//
// # URL styles
//
// The service has nested URLs, such as /accounts/acme/groups/web/virtual_machines/www1, and flat ones,
// such as /virtual_machines/5012. The client uses nested URLs for full paths, and flat ones for paths
// with an ID alone. [WithURLStyle]([FlatURLs]) makes it read full paths with flat URLs too.
//
//	Get, web.VirtualMachine("www1"):
//	  NestedURLs  GET /accounts/acme/groups/web/virtual_machines/www1
//	  FlatURLs    GET /virtual_machines?account_name=acme&group_name=web, then by name
//	Get, VirtualMachineID(5012):
//	  both        GET /virtual_machines/5012
//	List, {Group: web}:
//	  NestedURLs  GET /accounts/acme/groups/web/virtual_machines
//	  FlatURLs    GET /virtual_machines?account_name=acme&group_name=web
//	List, {Group: GroupID(78)}:
//	  both        GET /virtual_machines?group_id=78
//	List, {Account: "acme"}:
//	  both        GET /virtual_machines?account_name=acme
//	Update, web.VirtualMachine("www1"):
//	  both        PUT /accounts/acme/groups/web/virtual_machines/www1
//
// Writes use nested URLs, except Discs.Purge by an ID alone. Other writes to a path with an ID alone
// first look up the parents; call Resolve once to save these requests before several writes.
//
// The service ignores query parameters that it does not know. The client therefore verifies that each
// element of a flat list matches the filter. If one does not, the error matches [ErrFilterIgnored].
//
// # Unset, zero and null
//
// In updates, a nil field leaves the attribute unchanged, while new(0) and new(false) are sent.
// An update in which no field is set is an error.
// Attributes that can be cleared have the type [Nullable]: the zero value leaves the attribute
// unchanged, [Set] sets it and [Null] clears it. In results, null is read as the zero value.
//
// # Errors
//
// If a request was sent and failed, the error is an [*Error] with the operation, the resource, the
// status and the message of the service. If a call fails before its request is sent, because an
// argument is invalid, no token is available or a lookup failed, the text of the error says that it
// was not sent. Use errors.Is to test for a kind of error:
//
//	[ErrBadRequest]       400: an attribute is invalid, or the service refuses the action
//	[ErrUnauthorized]     401: the token is missing, wrong or expired; also 403 for a login
//	[ErrForbidden]        403: the caller may see the resource but not do this to it; also for a login
//	[ErrNotFound]         404: the resource does not exist, or the caller may not see it
//	[ErrConflict]         the name is taken: a 400 that says so, or a 409; see FindOrCreate
//	[ErrDeleted]          the virtual machine is deleted: undelete or purge it
//	[ErrRateLimited]      429: not applied; retry later
//	[ErrServer]           5xx
//	[ErrUnavailable]      503: not applied; retry later
//	[ErrOutcomeUnknown]   a write was sent, and may or may not have been applied
//	[ErrSessionExpired]   the session has ended, and a login needs a new one-time code
//	[ErrInvalidResponse]  a 2xx response cannot be decoded, or lacks the result
//	[ErrTooLarge]         a 2xx response is larger than [WithMaxResponseSize] allows, as text or decoded
//	[ErrFilterIgnored]    a list contains elements that its filter excludes
//	[ErrRedirect]         3xx: a redirect of a write, to another origin, or after ten others
//	[ErrNoCredential]     the client has no credentials; nothing was sent
//
// What to do: after ErrForbidden, ask for a privilege; after ErrNotFound, check the path and your
// privileges; after ErrRateLimited and ErrUnavailable, retry later, see Error.RetryAfter; after
// ErrFilterIgnored, use full paths; after ErrInvalidResponse and ErrRedirect, check the base URL. The
// service also returns 500 for some invalid requests, such as an unusable CD-ROM URL, which is
// ErrServer: read the message. A login that is refused with 403 matches both ErrUnauthorized and
// ErrForbidden, so test for ErrUnauthorized first.
//
// An error can match several kinds, such as ErrServer and ErrOutcomeUnknown. Any call to the service
// can fail with these errors; the documentation of a method mentions only those that have a particular
// meaning for it.
//
// Use errors.As for details: [*BadRequestError] has the messages for each attribute, [*WaitError] has
// the last state that a wait has seen, and [*DeletedError] has the deleted machine that a FindOrCreate
// has found.
//
// # Retries
//
// Each operation is of one of three kinds. A read is safe. A PUT of absolute values and a DELETE are
// idempotent: repeating them has no further effect. All other writes are not idempotent: those that
// create a resource, and restarts, restores, renames, moves, swaps and signals. They are never retried
// once the service may have processed them. The documentation of each method that writes says whether
// it is idempotent.
//
//	failure                          read   idempotent write        non-idempotent write
//	not sent                         retry  retry                   retry
//	excluded by a GOAWAY frame       retry  retry                   retry
//	429, 503                         retry  retry                   retry with Retry-After, else error
//	502, 504, 520-527, no response   retry  retry                   ErrOutcomeUnknown
//	500                              retry  ErrOutcomeUnknown       ErrOutcomeUnknown
//	other 5xx, refused redirect      error  ErrOutcomeUnknown       ErrOutcomeUnknown
//	other 4xx, invalid certificate   error  error                   error
//	2xx, body incomplete             retry  read (DELETE: success)  ErrOutcomeUnknown
//	2xx, body is not JSON            error  ErrOutcomeUnknown       ErrOutcomeUnknown
//	2xx, object invalid or no ID     error  read (DELETE: success)  ErrOutcomeUnknown
//	2xx, body empty but expected     error  read                    read, or the zero value
//
// "Retry" means that another attempt is made, if the policy and the context allow it; otherwise the
// call fails with the error of the last attempt. If any attempt of an idempotent write may have been
// processed, that error matches [ErrOutcomeUnknown]. "Error" means that the call fails at once. "Read"
// means that the write succeeded and that the client reads the resource to return its state; if the
// path of a new resource is not known, the result is the zero value. Methods that return only an error
// succeed with any JSON body, or none, unless the body is incomplete and the write is not idempotent. A
// list in a response may be null, which is an empty list.
//
// The waits between attempts are random, with an upper limit that doubles from one wait to the next. A
// Retry-After above 0 replaces them, with up to a tenth more. If a wait would exceed the context's
// deadline, or if Retry-After exceeds RetryPolicy.MaxWait, the call fails at once with the error of the
// last attempt. [WithRetryPolicy] sets the number of attempts and the limits of the waits.
//
// After a 401 response, the request is sent again with another token, if one is available. This
// happens at most once per call, and RetryPolicy.MaxAttempts then applies to the attempts with that
// token. A server that reloads excludes requests over HTTP/2 with a GOAWAY frame, which says that it
// does not process them: they are sent again at once. A request that the server refuses or resets
// counts as one without a response, since there are proxies that refuse a request after the service
// has processed it. A DELETE that gets a 404 succeeds if an earlier attempt may have been processed. A
// GET follows redirects within the same origin.
//
// Calls of VirtualMachines.Create by one client run one at a time, since concurrent creates have
// caused deadlocks in the service; see [WithConcurrentCreates].
//
// A client protects a service that is down from its own requests. After several refusals in a row (503,
// 429, or no connection), it sends one request at a time as a probe. Other calls wait for a few seconds;
// if no probe has succeeded by then, they fail without being sent, with an error that matches
// [ErrUnavailable] or [ErrRateLimited]. See [WithGate].
//
// # Unknown outcomes
//
// If the error of a write matches [ErrOutcomeUnknown], the service may or may not have applied it.
// Check the state of the resource before repeating the call.
//
// A request whose context ended may still reach the service later, even after later calls have
// returned: it may be in the buffers of the transport or of a proxy. One look at the resource
// immediately afterwards therefore does not prove that the request was not applied.
//
// # Guarantees
//
// Whatever fails between the client and the service, for every method that writes:
//
//   - If the error is nil, the write was applied.
//   - If it matches [ErrOutcomeUnknown], the service may have received the request.
//   - With any other error, the write was not applied.
//   - A write that is not idempotent is applied at most once.
//   - A list is returned or yielded completely, or there is an error.
//
// Tests simulate it: the connection is cut, and reset, at every byte of the exchange in both
// directions, and it stalls at every tenth; streams are reset and connections are shut down before and
// after every frame of HTTP/2, with each error code; a proxy responds in the place of the service,
// loses responses or repeats requests. About 265,000 cases, and 100,000 random schedules of one to
// five such faults over jobs of several calls, have no violation. CONTRIBUTING.md has the commands.
//
// No client can make up for
//
//   - a proxy that sends a request twice to the service by itself;
//   - a 429, a 503 or a GOAWAY frame which says that a request was not processed, when it was;
//   - a 2xx of JSON, or without a body, that is not the service's: a list answered with null is empty,
//     and a DELETE answered with 204 has succeeded;
//   - a 404 that is not the service's, to a DELETE of which an earlier attempt may have been processed;
//   - a transport set with [WithTransport] that repeats requests itself, or reports one that it has
//     sent as one that it has not.
//
// # Timeouts and limits
//
// [Timeouts] limits how long a call waits for the server to make progress, even if its context has no
// deadline. The context limits the whole call. [WithMaxResponseSize] limits the size of a response, and
// with it the memory that a call needs: at most 8 times as much, whatever the server sends.
//
// The text of every error is a single line of at most 1 KiB, without control characters and those that
// change the direction of the text.
//
// # Secrets
//
// Passwords, tokens, keys and scripts have the type [Secret], which prints as [redacted]. Errors and
// logs never contain the body or the Authorization header of a request; secrets of the request that a
// response repeats are removed. The output of [WithCapture] contains bodies, in which the secrets that
// the client recognizes are redacted. A request that contains [redacted], because the program has
// printed a secret into it, is not sent.
//
// Credentials are sent only to the configured origins, even if these redirect to another one. Plain
// http is refused except for the local host; see [WithInsecureHTTP].
//
// # Asynchronous operations
//
// The service continues after a call has returned when it creates, starts, shuts down or restarts a
// virtual machine, and when it takes or restores a backup. The Wait methods poll until a condition
// holds, and the WaitAll methods wait for many machines or discs with few requests. CreateAndWait,
// ShutdownAndWait, RestartAndWait and UpdateAndRestart combine the steps.
//
// FindOrCreate of groups, virtual machines and discs and FindOrGrant of privileges can be run again
// after any failure: they look for the resource before they create it, and after a creation whose
// outcome is unknown.
//
// # Logging and metrics
//
// [WithLogger] logs each attempt to send a request. [WithAttemptHook] calls a function after each
// attempt. [WithCapture] writes requests and responses, for a support case. In a transport that was
// set with [WithTransport], [CallFromContext] returns the operation and the route of a request. These
// contain no names or IDs, except for [Client.Do], and are usable as span names and metric labels.
//
// # Testing
//
// Package bigvtest implements the service in memory: start a server and run the program under test
// against it, in a testing/synctest bubble if the program waits for anything. For smaller tests,
// declare an interface with the methods that the program calls. It is implemented by the services, and
// can be implemented by a stub.
package bigv
