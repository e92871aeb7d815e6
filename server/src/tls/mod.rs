//! TLS on the server's ports.
//!
//! | file | is |
//! |---|---|
//! | `material` | certificates, key and client CA, read and checked: what connections are secured with |
//! | `acceptor` | the handshake of one connection |
//! | `settings` | what of it can be set |

mod acceptor;
mod material;
mod settings;

pub(crate) use acceptor::{Acceptor, Port, Security, Shown};
pub(crate) use material::{CertificateUse, Material, unix_time};
pub(crate) use settings::PemFiles;
pub use settings::{ClientAuth, TlsSettings, TlsVersion};
