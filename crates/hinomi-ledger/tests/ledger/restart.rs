//! A vault goes on with a log that went another way, beside the copy it had.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_ledger::note::KeyName;
use hinomi_ledger::vault::{Trouble, Vault};
use hinomi_ledger::{LedgerError, Places, Verdict, VerifyOptions, verify};
use hinomi_model::Disk;
use hinomi_testkit::disk::{Fault, MemoryDisk, When};

use crate::support::{NOON, Seeded, inline};
use crate::vault::{Pair, SECOND, write};

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else {
            out.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    out
}

/// A vault that holds `lost` records that the primary, put back to before, no longer has.
fn put_back(lost: u64) -> Pair {
    let pair = Pair::new(inline());
    let ledger = pair.ledger();
    write(&ledger, 0, 30);
    ledger.close().unwrap();
    let earlier = pair.data().with_file_name("earlier");
    Pair::copy(&pair.data(), &earlier);
    let ledger = pair.ledger();
    write(&ledger, 30, lost);
    ledger.close().unwrap();
    pair.set_time(NOON + 100 * SECOND);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
    Pair::copy(&earlier, &pair.data());
    pair
}

/// Begins anew and checks both copies.
fn goes_on(pair: &Pair) {
    let old = pair.vault().status();
    let before: BTreeMap<_, _> = files(&pair.folder.join("evidence"));
    for (new, reason) in [(old.cosigner.name().as_str(), "a reason"), ("example.org/vault2", " ")] {
        let refused = pair.vault().restart(&Seeded(0.into(), 78), &name(new), reason);
        assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{refused:?}");
    }
    let reason = "case 17: primary rebuilt, see report";
    let done = pair.vault().restart(&Seeded(0.into(), 78), &name("example.org/vault2"), reason).unwrap();
    assert_eq!((done.past, done.size), (1, old.held.as_ref().unwrap().size()));
    // The old copy is what it was, and still verifies with its own anchor.
    let past = pair.folder.join("past/1");
    let moved: BTreeMap<_, _> = files(&past.join("evidence"));
    let relative = |all: &BTreeMap<PathBuf, Vec<u8>>, root: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        all.iter().map(|(p, b)| (p.strip_prefix(root).unwrap().to_owned(), b.clone())).collect()
    };
    assert_eq!(relative(&moved, &past.join("evidence")), relative(&before, &pair.folder.join("evidence")));
    let places = Places { evidence: past.join("evidence"), keys: past.join("none") };
    let options = VerifyOptions { with_keys: false, ..VerifyOptions::default() };
    let found = verify(pair.home.around.disk.clone(), &places, &options, &mut |_| {}).unwrap();
    assert_eq!((found.verdict(), found.size), (Verdict::Consistent, done.size), "{:?}", found.findings);
    // The new one takes what the primary has, under another key, and remembers why.
    let mut vault = pair.vault();
    assert_eq!(vault.status().held, None);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles.as_slice(), pulled.before), (&[][..], 0));
    let now = vault.status();
    assert!(now.cosigner != old.cosigner && now.recipient == old.recipient);
    let held = now.held.unwrap();
    assert!(held.note().verify(&[now.cosigner]).is_ok() && held.note().verify(&[old.cosigner]).is_err());
    assert_eq!(vault.history().unwrap(), [done]);
    assert_eq!(vault.history().unwrap()[0].reason, reason);
    assert!(!vault.status().alarms.is_empty(), "the alarms stay");
}

#[test]
fn after_a_rollback_a_vault_begins_a_copy_beside_the_old_one() {
    let pair = put_back(20);
    let troubles = pair.vault().pull(&mut pair.source()).unwrap().troubles;
    assert!(matches!(troubles[..], [Trouble::Rollback { .. }]), "{troubles:?}");
    goes_on(&pair);
}

#[test]
fn after_a_fork_a_vault_begins_a_copy_beside_the_old_one_and_alarms_on_the_next() {
    let pair = put_back(20);
    let ledger = pair.ledger();
    write(&ledger, 60, 40);
    ledger.close().unwrap();
    let troubles = pair.vault().pull(&mut pair.source()).unwrap().troubles;
    assert!(matches!(troubles[..], [Trouble::Fork { .. }]), "{troubles:?}");
    goes_on(&pair);
    // The vault is as strict with the new copy.
    let earlier = pair.data().with_file_name("earlier");
    Pair::copy(&earlier, &pair.data());
    let troubles = pair.vault().pull(&mut pair.source()).unwrap().troubles;
    assert!(matches!(troubles[..], [Trouble::Rollback { .. }]), "{troubles:?}");
    let again = pair.vault().restart(&Seeded(0.into(), 79), &name("example.org/vault2"), "once more");
    assert!(matches!(again, Err(LedgerError::Refused { .. })), "a name is used once");
    pair.vault().restart(&Seeded(0.into(), 79), &name("example.org/vault3"), "once more").unwrap();
    assert_eq!(pair.vault().history().unwrap().len(), 2);
}

#[test]
fn a_new_beginning_that_is_interrupted_is_finished_by_the_next_opening() {
    let mut interrupted = 0;
    for step in 0.. {
        let mut memory = MemoryDisk::new(step);
        let mut pair = Pair::on(Arc::new(memory.clone()), inline());
        let ledger = pair.ledger();
        write(&ledger, 0, 10);
        ledger.close().unwrap();
        pair.set_time(NOON + 20 * SECOND);
        assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
        let held = pair.vault().status().held.unwrap().size();
        let vault = pair.vault();
        let planned = memory.steps() + step;
        memory.plan(When::Step(planned), Fault::Crash);
        let done = vault.restart(&Seeded(0.into(), 78), &name("example.org/vault2"), "a test").is_ok();
        if memory.steps() <= planned {
            assert!(done);
            break;
        }
        interrupted += 1;
        memory.heal();
        memory = memory.restart();
        pair.put_on(Arc::new(memory.clone()));
        let vault: Vault = pair.vault();
        let (status, history) = (vault.status(), vault.history().unwrap());
        let anew = status.cosigner.name().as_str() == "example.org/vault2";
        assert_eq!((anew, status.held.is_none()), (history.len() == 1, history.len() == 1), "step {step}");
        assert!(anew || (!done && status.held.unwrap().size() == held), "step {step}");
        if anew {
            let old = Path::new("v/past/1/evidence/log/checkpoint");
            assert!(memory.exists(old).unwrap(), "step {step}");
        }
        drop(vault);
        assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, [], "step {step}");
    }
    assert!(interrupted > 20, "{interrupted}");
}
