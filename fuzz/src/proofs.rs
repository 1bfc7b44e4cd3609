//! Any bytes as a proof that a stranger hands over.
#![no_main]

use hinomi_ledger::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::from_json(bytes) {
        let signer = bundle.signer.parse();
        let _ = bundle.verify(&signer.into_iter().collect::<Vec<_>>(), &[]);
    }
});
