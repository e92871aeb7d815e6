//! Who clients are, and for how long.
//!
//! | file | is |
//! |---|---|
//! | `caller` | whoever makes a request, and how that is known |
//! | `authenticator` | what a connection shows, and a request has with it, to a caller; and when that is over |
//! | `certificate`, `spiffe` | what a client's certificate says |
//! | `token` | bearer tokens |
//! | `deny` | whom nobody lets in any more |
//! | `claims` | what a node claims, held against who it is |
//! | `lapsing` | an answer that ends with its caller's credential |
//! | `credentials` | all of it, made of the settings, and kept up while the server runs |
//! | `files`, `alarms` | files that are read again; what is wrong with them |
//! | `settings` | what of it can be set |
//! | `rights` | what a caller may do |
//! | `grants` | what registered identities are granted |
//! | `authority` | the task that keeps grants up with the documents of access that count |
//! | `sight` | what a caller may read, and through which doors |

mod alarms;
mod authenticator;
pub(crate) mod authority;
mod caller;
pub(crate) mod certificate;
mod claims;
mod credentials;
mod deny;
mod files;
mod grants;
mod lapsing;
mod rights;
mod settings;
pub mod sight;
mod spiffe;
mod token;

pub use authenticator::Authenticator;
pub(crate) use authenticator::Login;
pub(crate) use authority::Authority;
pub use caller::{Caller, ShownCertificate, Via};
pub use certificate::{Fingerprint, Serial};
pub use credentials::CredentialHealth;
pub(crate) use credentials::{Credentials, follow};
pub(crate) use files::Files;
pub use grants::{Granted, Grants};
pub(crate) use lapsing::Lapsing;
pub use rights::Part;
pub(crate) use rights::{Denied, Rights, RightsNow};
pub use settings::{AuthSettings, TokenSettings};
pub use sight::Sight;
pub(crate) use spiffe::{identity as spiffe_identity, is_trust_domain};
pub use token::{Algorithms, KeyPlace};
