//! Registered files, read.

mod archive;
mod blocks;
mod checked;
mod refill;
mod times;

pub use archive::Archive;
pub(crate) use blocks::batches;
pub use blocks::{numbers_of_blocks, rows_of_blocks};
pub use checked::CheckedFile;
pub(crate) use checked::as_parquet;
pub use refill::{Origin, Stretch, origins, probe, refill};
pub use times::BlockTimes;
