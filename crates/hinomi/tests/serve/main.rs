//! The server as senders meet it: real ones, unmodified, and hostile ones.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests fail by panicking and write their own scratch files"
)]

mod access;
mod alerts;
mod anchors;
mod backup;
mod casework;
mod configuration;
#[cfg(feature = "query")]
mod derived;
mod doctor;
mod flows;
mod health;
mod hostile;
mod http;
mod journald;
mod killed;
mod oidc;
mod overload;
mod proxy;
mod renewal;
mod senders;
mod support;
mod syslog;
mod uploads;
mod watch;
