//! Any bytes as a file: recognised, unpacked, cut, decoded.
#![no_main]

mod decode;

use std::io::Cursor;

use hinomi_ingest::intake::Root;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decode::decode(Root::Stream { name: "-".to_owned(), reader: Box::new(Cursor::new(bytes.to_vec())) });
});
