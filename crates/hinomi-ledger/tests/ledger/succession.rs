//! A vault and the changes of the signing key that it did not see happen.

use hinomi_ledger::vault::Trouble;

use crate::support::{Home, NOON, inline};
use crate::vault::{Pair, SECOND, write};

/// Takes new records, changes the key so many times, and takes more: the newest checkpoint has the last key's signature only.
fn change(pair: &Pair, from: u64, times: u64) {
    let ledger = pair.ledger();
    for time in 0..=times {
        write(&ledger, from + 10 * time, 10);
        if time < times {
            ledger.rotate_signer("yearly").unwrap();
        }
    }
    ledger.close().unwrap();
    pair.set_time(NOON + (from + 10 * times + 10) * SECOND);
}

#[test]
fn a_vault_follows_keys_that_were_changed_while_it_was_away() {
    let pair = Pair::new(inline());
    let mut vault = pair.vault();
    // Before its first pull, between two pulls, and several times at once.
    let mut from = 0;
    for times in [1, 2, 0, 3] {
        change(&pair, from, times);
        from += 10 * (times + 1);
        let pulled = vault.pull(&mut pair.source()).unwrap();
        assert_eq!(pulled.troubles, [], "{times} changes");
        assert_eq!(pulled.held, pair.ledger().checkpoint().0);
    }
    assert_eq!(vault.status().pinned.keys.len(), 7);
    assert_eq!(vault.status().opaque_blocks, 0);
}

#[test]
fn a_key_that_no_trusted_key_endorsed_is_not_followed() {
    // The same name and history, but the keys are a stranger's: it endorses its own next key.
    let (pair, mut other) = (
        Pair::new(inline()),
        Pair::of(std::sync::Arc::new(hinomi_ledger::FileDisk), Home::seeded(inline(), None, 2)),
    );
    other.home.options.vaults = pair.home.options.vaults.clone();
    change(&pair, 0, 1);
    let mut vault = pair.vault();
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
    let held = vault.status().held.map(|h| h.size());
    change(&other, 0, 4);
    assert!(other.ledger().checkpoint().0 > held.unwrap());
    pair.set_time(NOON + 60 * SECOND);
    let pulled = vault.pull(&mut other.source()).unwrap();
    assert!(matches!(pulled.troubles[..], [Trouble::NotTheLog { .. }]), "{:?}", pulled.troubles);
    assert_eq!((vault.status().held.map(|h| h.size()), vault.status().pinned.keys.len()), (held, 2));
}
