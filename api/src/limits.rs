//! Every bound that a client or an author could otherwise fill, with its unit and reason, asserted against its
//! neighbours below.

mod credentials;

use std::time::Duration;

pub use credentials::*;

/// Bytes of one request on a stream. The largest honest one is a delta client's first: 10,000 names and versions of
/// about 100 bytes each are 1 MiB.
pub const REQUEST_BYTES_MAX: usize = 16 << 20;

/// Type URLs on one stream. istiod asks for 16, Envoy for a dozen.
pub const TYPES_PER_STREAM_MAX: usize = 64;

/// Kinds that are not known here and that may be written to: a server is asked for a few dozen types in all, and each
/// costs a look for every answer about all kinds, and a label of metrics. Those of a removed resource count until a restart.
pub const OPAQUE_KINDS_MAX: usize = 64;

/// Such kinds that a process can read from a store, with those that older processes let in and that history still names.
pub const OPAQUE_KINDS_STORED_MAX: usize = 1024;

/// Such kinds of which nothing was ever written, only what writing it would do was asked for: as many as may be written,
/// and until a restart.
pub const OPAQUE_KINDS_TRIED_MAX: usize = OPAQUE_KINDS_MAX;

/// Bytes of the type URL of such a kind. `group/version/Kind` of Kubernetes takes 381 at most.
pub const OPAQUE_TYPE_URL_BYTES_MAX: usize = 512;

/// Names of one type that one stream may subscribe to. A large Envoy names some 10,000 endpoints.
pub const NAMES_PER_TYPE_MAX: usize = 100_000;

/// Bytes of all names that one stream makes the server keep: those that it subscribes to, of all types, and what it said it
/// holds until that is answered. As many of 100 bytes each as two types may have.
pub const NAMES_BYTES_MAX: usize = 32 << 20;

/// What a name takes beside its text, in [`NAMES_BYTES_MAX`] and [`NODE_BYTES_MAX`]: its place in a map, and its length.
pub const NAME_PLACE_BYTES: usize = 64;

/// Bytes of what is kept of a stream's node: id, cluster and the texts of its metadata. Those of a sidecar take some KiB;
/// the lists and maps in it, which may be larger, are not kept.
pub const NODE_BYTES_MAX: usize = 64 << 10;

/// Bytes of one name, type URL, nonce or version that a client sends. Kubernetes names take at most 2 x 253.
pub const NAME_BYTES_MAX: usize = 4096;

/// Bytes of a delta response's resources after which it is cut: many clients refuse messages over 4 MiB.
pub const DELTA_RESPONSE_BYTES_MAX: usize = 2 << 20;

/// Bytes of a chunk of neighbouring entries at which it is split: what is made anew when one entry changes.
pub const CHUNK_BYTES_TARGET: usize = 64 << 10;

/// Bytes of full answers that are kept for a kind, beside the chunks that they share: a copy of a mesh of many small
/// namespaces, or of the shares of a thousand tenants.
pub const FULL_ANSWERS_BYTES_MAX: usize = 64 << 20;

/// Bytes of steps between states that are kept for a kind: two first answers of a delta stream with 100,000 entries.
pub const STEPS_BYTES_MAX: usize = 64 << 20;

/// Bytes of versions of a kind as views see it, about 150 a view: 10,000 views.
pub const VIEW_VERSIONS_BYTES_MAX: usize = 2 << 20;

/// Bytes of what the newest revisions changed of what is served, before and after, which all watchers share: twice a mesh of
/// 10,000 resources of 1.2 KB made anew. It also bounds what is read at once of older ones.
pub const SERVED_REVISIONS_BYTES_MAX: usize = 48 << 20;

/// As many revisions: a minute of a hundred small ones a second.
pub const SERVED_REVISIONS_LEN_MAX: usize = 6_000;

/// States of earlier revisions that are kept because they were asked for: those of both sides of a diff, of a watch that
/// catches up, and of a plan to roll back. What they have in common with the newest they share with it.
pub const PAST_SNAPSHOTS_MAX: usize = 4;

/// Bytes of one message of a backup that is streamed: below the 4 MiB that clients take by default.
pub const BACKUP_MESSAGE_BYTES: usize = 1 << 20;

/// Bytes of a backup that a running server takes back: a mesh of 100,000 resources of 2 KB with five times its history. It
/// is in memory until it is read to its end, because nothing is changed by half of one.
pub const BACKUP_BYTES_MAX: usize = 1 << 30;

/// How long a client may leave a message of a backup unread, or let one of a restoration wait for the next: one client at a
/// time has the memory for either. A megabyte takes seconds at most, also over a slow line.
pub const BACKUP_MESSAGE_DEADLINE: Duration = Duration::from_secs(60);

/// Bytes that one connection may make the server keep, unless it is set: names, what it says it holds, what it was sent name by
/// name, answers about the server that it leaves unread, and requests under way. All the names that one stream may have, twice
/// as much again for what it was sent of them, and a largest request on its way.
pub const CLIENT_BYTES_DEFAULT: usize = 128 << 20;

/// Bytes of requests that are under way on all connections, unless it is set: sixteen largest ones of discovery, or eight
/// largest writes. A thousand delta clients that come back at once with 2,000 names and versions each have 200 MB.
pub const REQUESTS_BYTES_DEFAULT: usize = 256 << 20;

/// Bytes of a request under way that cost nothing: istiod's take some hundred, and what is less than HTTP/2's buffers need
/// not be counted.
pub const REQUEST_BYTES_FREE: usize = 16 << 10;

/// How long a request of more than [`REQUEST_BYTES_FREE`] may be under way: a largest write over a line of 5 Mbit/s.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// Connections at one time, unless it is set. Each is an open file, of which a process commonly has 65,536.
pub const CONNECTIONS_DEFAULT: usize = 10_000;

/// Those of one peer address, unless it is set: half of all, so that others have as
/// much as the one with the most.
pub const CONNECTIONS_PER_PEER_DEFAULT: usize = CONNECTIONS_DEFAULT / 2;

/// Discovery streams at one time, unless it is set. An istiod or Envoy opens one a connection; two, so that a client which comes
/// back before its old stream is given up has room.
pub const STREAMS_DEFAULT: usize = 2 * CONNECTIONS_DEFAULT;

/// Those of one peer address, unless it is set: half.
pub const STREAMS_PER_PEER_DEFAULT: usize = STREAMS_DEFAULT / 2;

/// New connections a second, unless it is set. A fleet of as many connections as there may be is back within five seconds.
pub const CONNECTIONS_PER_SECOND_DEFAULT: usize = 2_000;

/// Those of one peer address, unless it is set: half.
pub const CONNECTIONS_PER_SECOND_PER_PEER_DEFAULT: usize = CONNECTIONS_PER_SECOND_DEFAULT / 2;

/// Of how many seconds the new connections may come at once.
pub const CONNECTION_BURST_SECONDS: usize = 2;

/// Connections over a limit that are served at the same time as far as it takes to tell them so. Each takes some 20 KiB, a
/// file, and two round trips; further ones are closed untold.
pub const REFUSED_CONNECTIONS_MAX: usize = 1024;

/// How long such a connection may be open: it has to say who speaks HTTP/2, and ask once.
pub const REFUSED_CONNECTION_AGE_MAX: Duration = Duration::from_secs(5);

/// Requests a second of one stream, unless it is set. A client sends one a type, then one for each answer, and answers come no
/// oftener than sources are taken in; an Envoy that asks for names one by one comes in bursts.
pub const REQUESTS_PER_SECOND_DEFAULT: usize = 100;

/// Of how many seconds the requests may come at once.
pub const REQUEST_BURST_SECONDS: usize = 10;

/// How long a stream may go on over its rate, being read no faster than that, before it is ended.
pub const REQUESTS_OVER_RATE_MAX: Duration = Duration::from_secs(30);

/// In how long to come back for a place of a connection: they become free when clients go, which they rarely do.
pub const CONNECTION_PLACE_RETRY: Duration = Duration::from_secs(5);

/// In how long to come back for a place of a stream, on a connection that is there.
pub const STREAM_PLACE_RETRY: Duration = Duration::from_secs(2);

/// In how long to send a large request again: those under way take a second or so.
pub const REQUEST_ROOM_RETRY: Duration = Duration::from_secs(1);

/// In how long to come back for who asks for more than one client may: it will be the same then, unless it asks for less.
pub const CLIENT_FAULT_RETRY: Duration = Duration::from_secs(30);

/// The longest that anybody is told to wait: nobody plans further ahead, and a fleet is back sooner than that.
pub const RETRY_HINT_MAX: Duration = Duration::from_secs(30);

/// Resources that one sink is kept on because it refused what is served. More than some at once are a mistake that is not
/// about single resources; it is then answered as a refusal that names none.
pub const PINS_PER_SINK_MAX: usize = 64;

/// Bytes of the pins of one sink: what it is kept on, and what is said of it. A listener of a large gateway takes 100 KiB.
pub const PINS_PER_SINK_BYTES_MAX: usize = 1 << 20;

/// The same, of all sinks: a quarter of what the status area takes, so that pins never fill it. 10,000 sinks that refuse
/// the same resource of 1 KiB fit.
pub const PINS_BYTES_MAX: usize = 16 << 20;

/// How long the pins of a sink outlive its last stream: sinks that have a new name after each restart would fill the memory.
pub const PINS_AWAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of an error message in a NACK that are kept.
pub const NACK_MESSAGE_BYTES_MAX: usize = 4096;

/// The shortest time to live, as a lease and in the protocol: who renews sooner than every third of a second has no
/// lease but a connection, and each expiry is a commit.
pub const TTL_MIN: Duration = Duration::from_secs(1);

/// The longest: what lives for ten years needs no lease, and no calendar overflows.
pub const TTL_MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Resources that sources still have after their leases ended, and that are remembered so that they do not come back when
/// everything is told again. About 200 bytes each in the status area: a third of it.
pub const ENDED_LEASES_MAX: usize = 100_000;

/// Bytes of an expression of a validation rule. Kubernetes' own admission policies rarely have more than 500.
pub const RULE_EXPRESSION_BYTES_MAX: usize = 4096;

/// Levels of an expression of a validation rule, because evaluation recurses.
pub const RULE_DEPTH_MAX: usize = 32;

/// Bytes of a regular expression of a validation rule once it is compiled.
pub const RULE_REGEX_BYTES_MAX: usize = 256 << 10;

/// Steps that evaluating a validation rule on one resource may take, and all rules of its namespace together: some tens
/// of milliseconds. A step is a part of the expression, an entry of a list, or 16 bytes of text; what is built takes no
/// more than some 50 MB.
pub const RULE_STEPS_MAX: u64 = 1_000_000;

/// Bytes of an answer about the server itself. How 10,000 sinks stand with 16 types each takes about 24 MiB.
pub const INSPECTION_BYTES_MAX: usize = 32 << 20;

/// Such answers that one stream may leave unread. istioctl asks once a stream.
pub const INSPECTIONS_WAITING_MAX: usize = 4;

/// Resources, revisions or sinks of one page of an answer, where the client asks for more.
pub const PAGE_LEN_MAX: usize = 1000;

/// Those of a page where the client does not say.
pub const PAGE_LEN_DEFAULT: usize = 500;

/// Bytes of one answer of the service after which it is cut, or goes on in a next page: clients of gRPC take 4 MiB unless
/// they are told otherwise.
pub const PAGE_BYTES_MAX: usize = 2 << 20;

/// Older states that are kept for whoever reads them page by page. What they share with the newest costs nothing; a list
/// whose state had to go goes on from the store's history.
pub const PINNED_REVISIONS_MAX: usize = 8;

/// How long such a state is kept after its last page: reading a page takes seconds at most.
pub const PINNED_REVISION_AGE_MAX: Duration = Duration::from_secs(60);

/// Revisions that one page of a history looks at: where few of them are selected, the page ends and the next goes on.
pub const HISTORY_READ_LEN_MAX: usize = 2000;

/// Bytes of revisions that a history has in hand at a time, with what each of them replaced.
pub const HISTORY_READ_BYTES_MAX: usize = 8 << 20;

/// Changes of one revision that a history lists.
pub const HISTORY_CHANGES_LEN_MAX: usize = 1000;

/// Watches of the service at once. Each waits for news, and takes some KiB beside what it has in hand.
pub const WATCHES_MAX: usize = 2000;

/// Bytes of changes that a watch reads at a time. They are shared with all that is served, but for bodies that are not
/// any more.
pub const WATCH_READ_BYTES_MAX: usize = 1 << 20;

/// Bytes of one answer of a watch after which it is cut: what a client that does not read makes the server keep.
pub const WATCH_ANSWER_BYTES_MAX: usize = 256 << 10;

/// Bytes of a label selector. Kubernetes' own come in URLs, which take 8 KiB.
pub const LABEL_SELECTOR_BYTES_MAX: usize = 8 << 10;

/// Bytes of one document's file. istiod takes 100 MB; a file that large is a mistake.
pub const FILE_BYTES_MAX: u64 = 32 << 20;

/// Depth of nested values in a document. Envoy's deepest useful ones are about 40.
pub const DOCUMENT_DEPTH_MAX: usize = 128;

/// Messages within messages in a body: the decoders of C++ and Rust stop there, so Envoy would refuse what is deeper. A
/// level of free-form JSON (`google.protobuf.Struct`) takes three.
pub const MESSAGE_DEPTH_MAX: usize = 100;

/// Values that the anchors and aliases of one document may copy. A document of 32 MiB holds some millions; honest ones
/// repeat a match or two.
pub const ALIAS_NODES_MAX: usize = 100_000;

/// Bytes of keys and texts that the anchors and aliases of one document may copy: an object that Kubernetes takes is of
/// 1.5 MiB at most, all that it repeats included.
pub const ALIAS_BYTES_MAX: usize = 4 << 20;

/// Bytes of one key of a document. YAML itself stops at 1024 characters for keys without a question mark; those of
/// Kubernetes take 317 at most.
pub const KEY_BYTES_MAX: usize = 8192;

/// Bytes of a finding's path, of its reason and of its remedy each. What is made of names that a .proto file gives takes
/// about 1 KiB at most; what an author chose is cut.
pub const FINDING_TEXT_BYTES_MAX: usize = 4096;

/// Errors listed for one document, and as many warnings. Nobody reads more, and they are stored with what they are about.
pub const FINDINGS_MAX: usize = 100;

/// Findings about a resource in view of others that are listed. What is behind them is mostly one mistake.
pub const ACROSS_FINDINGS_MAX: usize = 20;

/// Topics that one resource is found under in the index of references, and that it looks up: a VirtualService of 100
/// hosts on 10 gateways has 1,000. Without it, hosts times gateways of one document would fill the memory.
pub const ACROSS_TOPICS_MAX: usize = 10_000;

/// Bytes of reports that wait to be taken in; sources wait beyond that. A first scan of 10,000 files of 1 KB is 20 MiB.
pub const PENDING_BYTES_MAX: usize = 256 << 20;

/// The part of [`PENDING_BYTES_MAX`] that one namespace may take before its reports are taken in early.
pub const PENDING_NAMESPACE_BYTES_MAX: usize = PENDING_BYTES_MAX / 8;

/// Writes that wait to be planned; whoever writes waits for room beyond that. Many times what one flush takes along, so
/// that no flush waits for writes.
pub const WRITES_WAITING_MAX: usize = 1024;

/// Servers in the chain from which one gets its configuration, all of its upstreams together. A fleet has a hub, perhaps
/// one a region, and agents.
pub const CHAIN_LEN_MAX: usize = 64;

/// Bytes of one request to write. As much as one file of a source may have: 10,000 resources of 3 KiB.
pub const WRITE_REQUEST_BYTES_MAX: usize = FILE_BYTES_MAX as usize;

/// Manifests of one request to apply. A folder of 10,000 files, each of which is one, with room to spare.
pub const MANIFESTS_MAX: usize = 20_000;

/// Documents of one request to apply. Each takes about 1 KiB beside its text, and a result in the answer.
pub const MANIFEST_DOCUMENTS_MAX: usize = 50_000;

/// Keys that one request names to be deleted, and conditions that it makes: as many as it may apply.
pub const WRITE_KEYS_MAX: usize = MANIFEST_DOCUMENTS_MAX;

/// Bytes of requests to apply that are read and judged at the same time; others wait. Documents take some times their
/// text.
pub const WRITES_BYTES_MAX: usize = 4 * WRITE_REQUEST_BYTES_MAX;

/// Bytes of what an author is called, and of a set's name. Kubernetes' names have 253 at most.
pub const AUTHOR_BYTES_MAX: usize = 253;

/// Bytes of what an author says of a write: it is kept with the revision.
pub const WRITE_MESSAGE_BYTES_MAX: usize = 4096;

/// Bytes of a refusal's message and details: they travel in a header, of which many clients take no more than 8 KiB, in
/// base64.
pub const REFUSAL_BYTES_MAX: usize = 4096;

/// Events that wait to be written to the audit log: those of a second of a hundred writes, ten times over.
pub const AUDIT_WAITING_MAX: usize = 1024;

/// Bytes of those. The keys of a largest write take 10 MiB at most.
pub const AUDIT_WAITING_BYTES_MAX: usize = 64 << 20;

/// Resources of one line of the audit log: some 50 KiB, which editors and log shippers still take. Further ones are in further
/// lines.
pub const AUDIT_LINE_RESOURCES_MAX: usize = 500;

/// Kinds of refusals, by who, from where and what, that are told apart while they come again and again; further ones are told as
/// those of anybody.
pub const AUDIT_REPEATS_MAX: usize = 4096;

/// How long refusals that are alike are one line of the audit log: fourteen hundred lines a day of one that never stops.
pub const AUDIT_REPEATS_WINDOW: Duration = Duration::from_secs(60);

/// Rejected candidates whose findings are kept; of further ones only their key, line and number are.
pub const REJECTED_LEN_MAX: usize = 1000;

/// Clashes that are logged one by one when many appear, or are over, at one revision: two paths that hold the same mesh
/// clash in everything.
pub const CLASHES_LOGGED_MAX: usize = 20;

/// How long a response may stay unanswered before a newer state of its type is sent all the same (rule 84). istiod took
/// 8.5 s to apply 100 MB; a client that never answers is not waited for a second time.
pub const ACK_GRACE: Duration = Duration::from_secs(15);

/// How long an open stream may be without a request: an open stream takes one of the places that there are, and real
/// clients ask at once.
pub const FIRST_REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// Bytes of an HTTP response that a client has to read within a write deadline, or it counts as not reading: 4 KiB/s with
/// the default of a minute, so that nobody keeps a large page in memory by reading a byte now and then.
pub const HTTP_WRITE_BYTES_MIN: usize = 256 << 10;

/// How long the push of a type waits for an unanswered response of a type that it may refer to (rule 80). Shorter than
/// [`ACK_GRACE`]: late is better than out of order, but out of order is better than very late.
pub const ORDER_GRACE: Duration = Duration::from_secs(5);

/// How long a client keeps what is gone while types that may refer to it have not let go (rule 79). Longer than
/// [`ORDER_GRACE`], after which those were sent at the latest; shorter than [`ACK_GRACE`], so that a client which answers
/// nothing does not keep it any longer than it is waited for.
pub const REMOVAL_GRACE: Duration = Duration::from_secs(10);

const _: () = assert!(ORDER_GRACE.as_millis() < REMOVAL_GRACE.as_millis());
const _: () = assert!(REMOVAL_GRACE.as_millis() < ACK_GRACE.as_millis());
const _: () = assert!(PINS_PER_SINK_BYTES_MAX * 16 <= PINS_BYTES_MAX);
const _: () = assert!(PINS_PER_SINK_MAX * NACK_MESSAGE_BYTES_MAX <= PINS_PER_SINK_BYTES_MAX);
const _: () = assert!(TTL_MIN.as_millis() < TTL_MAX.as_millis());
const _: () = assert!(CHUNK_BYTES_TARGET < DELTA_RESPONSE_BYTES_MAX);
const _: () = assert!(DELTA_RESPONSE_BYTES_MAX < 4 << 20);
const _: () = assert!(PAGE_BYTES_MAX < 4 << 20);
const _: () = assert!(WATCH_ANSWER_BYTES_MAX <= WATCH_READ_BYTES_MAX);
const _: () = assert!(PAGE_LEN_DEFAULT <= PAGE_LEN_MAX);
const _: () = assert!(NAME_BYTES_MAX < REQUEST_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < NAMES_BYTES_MAX);
const _: () = assert!(NAMES_PER_TYPE_MAX * (NAME_PLACE_BYTES + 100) * 2 <= NAMES_BYTES_MAX);
const _: () = assert!(NAME_BYTES_MAX < NODE_BYTES_MAX);
const _: () = assert!(BACKUP_MESSAGE_BYTES < BACKUP_BYTES_MAX);
const _: () = assert!(OPAQUE_KINDS_MAX < OPAQUE_KINDS_STORED_MAX);
const _: () = assert!(OPAQUE_TYPE_URL_BYTES_MAX < NAME_BYTES_MAX);
const _: () = assert!((FILE_BYTES_MAX as usize) < PENDING_BYTES_MAX);
const _: () = assert!(WRITE_REQUEST_BYTES_MAX < WRITES_BYTES_MAX);
const _: () = assert!(MANIFESTS_MAX <= MANIFEST_DOCUMENTS_MAX);
const _: () = assert!(REFUSAL_BYTES_MAX * 4 / 3 < 8 << 10);
const _: () = assert!(ALIAS_BYTES_MAX < FILE_BYTES_MAX as usize);
const _: () = assert!(KEY_BYTES_MAX < ALIAS_BYTES_MAX);
const _: () = assert!(ACROSS_FINDINGS_MAX < FINDINGS_MAX);
const _: () = assert!(REQUEST_BYTES_MAX + 3 * NAMES_BYTES_MAX < CLIENT_BYTES_DEFAULT);
const _: () = assert!(CLIENT_BYTES_DEFAULT < REQUESTS_BYTES_DEFAULT);
const _: () = assert!(WRITE_REQUEST_BYTES_MAX < CLIENT_BYTES_DEFAULT);
const _: () = assert!(WRITES_BYTES_MAX < REQUESTS_BYTES_DEFAULT);
const _: () = assert!(REQUEST_BYTES_FREE < REQUEST_BYTES_MAX);
const _: () = assert!(INSPECTION_BYTES_MAX < CLIENT_BYTES_DEFAULT);
const _: () = assert!(
    CONNECTIONS_PER_SECOND_PER_PEER_DEFAULT * CONNECTION_BURST_SECONDS < CONNECTIONS_PER_PEER_DEFAULT
);
const _: () = assert!(REFUSED_CONNECTIONS_MAX < CONNECTIONS_DEFAULT);
const _: () = assert!(STREAM_PLACE_RETRY.as_millis() < CONNECTION_PLACE_RETRY.as_millis());
const _: () = assert!(CLIENT_FAULT_RETRY.as_millis() <= RETRY_HINT_MAX.as_millis());
