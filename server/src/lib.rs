//! The edges of mainsheet: what comes in (`source`, `intake`), what goes out (`stream`, `sinks`), what people look at
//! (`http`, `debug`, `cli`), and the composition of all of it (`app`).

pub mod clock;
pub mod readiness;
pub mod source;
pub mod task;
