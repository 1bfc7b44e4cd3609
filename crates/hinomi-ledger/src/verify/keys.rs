//! The keys: what the log says was born and destroyed, against what the ring holds.

use super::Context;
use super::log::Log;
use crate::engine::check_modes;
use crate::files::numbered;
use crate::keys::{KeyRing, load_signer};
use crate::note::Algorithm;

/// Compares the ring with the log, and keeps it for opening frames.
pub(crate) fn check(context: &mut Context<'_>, log: &Log) {
    if !context.options.with_keys {
        return;
    }
    let folder = context.places.keys.clone();
    if let Err(error) = check_modes(&*context.disk, context.places) {
        context.find_error(folder.clone(), &error);
    }
    match load_signer(&*context.disk, &context.places.signer()) {
        Ok(signer) if signer.verifier(Algorithm::Ed25519) == log.signer => {}
        Ok(_) => {
            context.find_in(context.places.signer(), None, "it is not the signing key that the log names");
        }
        Err(error) => context.find_error(context.places.signer(), &error),
    }
    for ending in [".ring", ".kek"] {
        if numbered(&*context.disk, &folder, ending).is_ok_and(|epochs| epochs.len() > 1) {
            let what = format!(
                "there is more than one {ending} file: destroying a key was interrupted, or one was put back"
            );
            context.find_in(folder.clone(), None, what);
        }
    }
    let mut ring = match KeyRing::load(&*context.disk, &folder, context.identity.ledger, false) {
        Ok(ring) => ring,
        Err(error) => return context.find_error(folder, &error),
    };
    if ring.has_torn_tail() {
        context.find_in(folder.clone(), None, "the end of the key ring is torn");
    }
    let entries: Vec<_> = ring.entries().cloned().collect();
    for entry in entries {
        let name =
            format!("the key of {} ({}) on day {}", entry.scope.source, entry.scope.class, entry.scope.day);
        match log.keys.get(&entry.key) {
            Some(logged) if logged.tombstone.is_some() => {
                context.find_in(folder.clone(), None, format!("{name} was destroyed, and is there again"));
            }
            Some(logged) => {
                let recipients: Vec<_> = entry.sealed.iter().map(|s| s.recipient.0).collect();
                if (&logged.scope, logged.commitment, &logged.recipients)
                    != (&entry.scope, entry.commitment, &recipients)
                {
                    context.find_in(folder.clone(), None, format!("{name} is not the one in the log"));
                }
            }
            None => context.out.remarks.push(format!("{name} is not in the log yet")),
        }
        if let Err(error) = ring.data_key(entry.key) {
            context.find_in(folder.clone(), None, format!("{name} cannot be opened: {error}"));
        }
    }
    for (key, logged) in &log.keys {
        if logged.tombstone.is_none() && ring.entry(*key).is_none() {
            let what = format!(
                "the key of {} ({}) on day {} is missing without an order: {} records cannot be read",
                logged.scope.source, logged.scope.class, logged.scope.day, logged.records
            );
            context.find_leaf(logged.leaf, what);
        }
    }
    context.ring = Some(ring);
}
