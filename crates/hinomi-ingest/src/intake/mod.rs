//! From paths to units: folders, files and streams, unpacked, recognised and cut into whole records.
//!
//! [`Intake`] is pulled by its owner: [`Intake::next`] reads just enough to return the next [`Item`]. Threads and
//! queues belong to the caller.
//!
//! # What a citation means
//! - `Member::inner` names the way through archives, `/`-joined. gzip and zstd add no name: they are peeled off by
//!   content, so the offset of an event in `auth.log.1.gz` counts what `zcat` prints.
//! - UTF-16 text is transcoded to UTF-8 before it is cut. Its inner name ends in `!utf16`, and offsets count the
//!   UTF-8 bytes, without the byte order mark. (UTF-16 JSON is left as it is.)
//! - [`read_member_range`] takes the same way again and returns the cited bytes.
//!
//! # Invariants
//! - Order is a function of the input alone: paths in byte order, archive members in order of their offset.
//! - Memory is bounded by the units the caller holds, one unit being filled, the decompressors of one stack of
//!   archives, and [`Limits::nested_zip_bytes`]; never by the size of the input.
//! - Nothing is written to disk, symbolic links are not followed, special files found in folders are not opened.
//! - A loss is a diagnostic; what could be read before and after it is delivered.
//!
//! # Trust
//! Names, sizes, times and contents are an intruder's. Sizes in headers are never allocated from; every stack of
//! archives shares one budget per outer file. gzip and deflate are decoded by `zlib-rs`, zstd by the C library
//! (a Rust decoder was measured at a third of its speed); both run under the budget.
//!
//! # Not here
//! What a record means: the decoders, reached through `AnyDecoder`.

mod arriving;
mod budget;
mod buffer;
mod class;
mod cutter;
mod entry;
mod item;
mod layers;
mod losses;
mod members;
mod name;
mod options;
mod peel;
mod pull;
mod reread;
mod sniff;
mod source;
mod tar;
mod utf16;
mod walk;
mod zip;
mod zip_directory;
mod zip_stream;

pub use arriving::{Arriving, ArrivingState, Run};
pub use class::Class;
pub use item::{FileDone, Item, MemberDone, Progress};
pub use members::{Members, OpenMember};
pub use options::{Format, Limits, Modified, Options, Root};
pub use pull::Intake;
pub use reread::{ReadError, read_member_range};
pub use sniff::is_packed;
