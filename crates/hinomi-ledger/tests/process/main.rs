//! The ledger in a process of its own that is killed, runs out of disk, loses its device, or meets a failing system call
//! at every place in turn. Simulated loss of power: the simulation beside this.
//!
//! What needs root, a loop device or `strace` says so and is skipped where it is not to be had.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, says what it skipped, and waits for real processes"
)]

mod device;
mod killed;
mod syscalls;
mod worker;
