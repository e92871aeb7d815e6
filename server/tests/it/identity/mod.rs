//! Who clients are: TLS, certificates, tokens, and their ends.

mod authority;
mod certificates;
mod reload;
mod rig;
mod tokens;
mod transport;
