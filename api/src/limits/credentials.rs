//! Bounds of what clients show, and of what says whether it is good.

use std::time::Duration;

/// How long a client has for the handshake of TLS: two round trips, and the time that a busy machine takes to sign.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Handshakes at one time with clients that are only let in to be told why they are not: a handshake costs far more than a
/// refusal, and must not be had for nothing.
pub const REFUSED_HANDSHAKES_MAX: usize = 16;

/// Bytes of a file that says who is who: certificates, a key, a JWKS, a deny list. All CAs of a browser take 220 KiB.
pub const CREDENTIAL_FILE_BYTES_MAX: usize = 1 << 20;

/// Bytes of a bearer token. Those of Kubernetes have about 1 KiB; a request's headers may have 32.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Keys of one issuer. Those that rotate often have a handful at a time.
pub const TOKEN_KEYS_MAX: usize = 100;

const _: () = assert!(TOKEN_BYTES_MAX < CREDENTIAL_FILE_BYTES_MAX);
