//! The Merkle log as RFC 6962 hashes it and C2SP tlog-tiles publishes it: hashing, the incremental tree, tiles and
//! entry bundles, inclusion and consistency proofs. Pure: callers read and write the files.
//!
//! # Invariants
//! - The same code serves the log of leaves and the tree of records inside a block; both are standard trees, so tools
//!   written by others verify both.
//! - A proof is only a list of hashes; what it says is known once it was verified against a root.
//!
//! # Not here
//! What a leaf means (`leaf`), who signed a root (`checkpoint`, `cosignature`).

mod bundle;
mod frontier;
mod hash;
mod proof;
mod source;
mod tile;
mod tiled;

pub use bundle::{MAX_ENTRY_BYTES, decode_entries, encode_entries};
pub use frontier::Frontier;
pub use hash::{Hash, leaf_hash, node_hash, root_of};
pub use proof::{ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion, range_root};
pub use source::{NodeSource, TileFetch, TileReader};
pub use tile::{Tile, TileKind, WIDTH, tiles_of_growth};
pub use tiled::TiledTree;
