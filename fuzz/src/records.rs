//! Any bytes as records of a ledger's source: cut and decoded as they are.
#![no_main]

mod decode;

use std::io::Cursor;

use hinomi_ingest::intake::Root;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reader = Box::new(Cursor::new(bytes.to_vec()));
    let latest = Timestamp::from_nanos(1_790_000_000 * NANOS_PER_SECOND);
    decode::decode(Root::Records { name: "source".to_owned(), reader, latest });
});
