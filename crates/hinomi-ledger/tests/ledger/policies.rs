//! Holds, incidents, rules of retention and promises of sources as leaves.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use hinomi_ledger::completeness::{Day, Numbering, Promise};
use hinomi_ledger::note::{Algorithm, KeyName, SignerKey};
use hinomi_ledger::policy::{Declared, PolicyChange};
use hinomi_ledger::retention::{ClassPolicy, Extent, Rules};
use hinomi_ledger::{ERASER_NAME, Leaf, Ledger, LedgerError, Reader, Scope, Verdict, VerifyOptions, verify};

use crate::support::{Home, NOON, TestClock, inline, record};

const DAY: u32 = (NOON / 86_400_000_000_000) as u32;

fn eraser() -> SignerKey {
    SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[9; 32])
}

/// A ledger with one record, and the approved order to erase it.
fn with_an_order() -> (Home, Ledger, String) {
    let home = Home::with(inline(), Some(*eraser().verifier(Algorithm::Ed25519).public()));
    let (ledger, _) = home.open();
    ledger.append("mail", "personal", vec![record(1, "x")]).unwrap();
    ledger.tick().unwrap();
    let scope = Scope { source: "mail".to_owned(), class: "personal".to_owned(), day: DAY };
    let order = ledger.erasure_order(&scope, "request 9").unwrap().approve(&eraser()).unwrap();
    (home, ledger, order)
}

fn reader(home: &Home) -> Reader {
    Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap()
}

fn hold(source: &str) -> PolicyChange {
    PolicyChange::Hold {
        name: "suit 7".to_owned(),
        extent: Extent { sources: Some(vec![source.to_owned()]), first: None, last: None },
        reason: "ordered by the court".to_owned(),
        owner: "counsel".to_owned(),
    }
}

fn release() -> PolicyChange {
    PolicyChange::Release {
        name: "suit 7".to_owned(),
        reason: "settled".to_owned(),
        owner: "counsel".to_owned(),
    }
}

fn refused(ledger: &Ledger, order: &str) -> String {
    let error = ledger.erase(order.as_bytes()).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn what_is_under_a_hold_is_not_erased() {
    let (mut home, ledger, order) = with_an_order();
    ledger.record(&[hold("mail")]).unwrap();
    assert!(refused(&ledger, &order).contains("hold"));
    ledger.record(&[release()]).unwrap();
    assert!(refused(&ledger, &order).contains("hold"), "it holds through the day on which it was lifted");
    ledger.close().unwrap();
    home.around.clock = Arc::new(TestClock(AtomicI64::new(NOON as i64 + 86_400_000_000_000)));
    home.open().0.erase(order.as_bytes()).unwrap();
}

#[test]
fn a_hold_on_another_source_forbids_nothing() {
    let (_home, ledger, order) = with_an_order();
    ledger.record(&[hold("fw")]).unwrap();
    ledger.erase(order.as_bytes()).unwrap();
}

#[test]
fn what_an_incident_touches_is_kept_open_or_just_closed() {
    let (_home, ledger, order) = with_an_order();
    let day = Day(DAY as i32);
    let touch =
        PolicyChange::Incident { name: "INC-4".to_owned(), source: "mail".to_owned(), first: day, last: day };
    ledger.record(&[touch]).unwrap();
    assert!(refused(&ledger, &order).contains("open incident"));
    ledger.record(&[PolicyChange::IncidentClosed { name: "INC-4".to_owned() }]).unwrap();
    assert!(refused(&ledger, &order).contains("closed"));
    // Rules that keep nothing after an incident's end: the day of its closing still counts.
    let class = ClassPolicy { purpose: "tracing".to_owned(), owner: "mail team".to_owned(), keep_days: 30 };
    let rules = Rules {
        classes: [("personal".to_owned(), class)].into(),
        incident_days_before: 0,
        incident_days_after: 0,
    };
    ledger.record(&[PolicyChange::Retention(rules)]).unwrap();
    assert!(refused(&ledger, &order).contains("closed"));
}

#[test]
fn contradictions_are_refused_and_leave_no_leaf() {
    let (home, ledger, _) = with_an_order();
    let before = ledger.checkpoint().0;
    for changes in [
        vec![release()],
        vec![hold("mail"), hold("mail")],
        vec![PolicyChange::IncidentClosed { name: "INC-1".to_owned() }],
        vec![PolicyChange::Source { source: "fw".to_owned(), declared: None }],
    ] {
        let refused = ledger.record(&changes);
        assert!(matches!(refused, Err(LedgerError::Malformed { kind: "policy", .. })), "{refused:?}");
    }
    let long = PolicyChange::Hold {
        name: "x".to_owned(),
        extent: Extent::default(),
        reason: "y".repeat(70_000),
        owner: "z".to_owned(),
    };
    assert!(matches!(ledger.record(&[long]), Err(LedgerError::TooLarge { .. })));
    assert_eq!(ledger.checkpoint().0, before);
    let leaves = ledger.record(&[hold("mail"), release()]).unwrap();
    assert_eq!(leaves, [before, before + 1]);
    let kind = |leaf: u64| match reader(&home).leaf(leaf).unwrap() {
        Leaf::Policy(policy) => policy.change,
        other => format!("{other:?}"),
    };
    assert_eq!([kind(leaves[0]), kind(leaves[1])], ["hold", "release"]);
    let found =
        verify(home.around.disk.clone(), &home.places, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((found.findings.as_slice(), found.verdict()), (&[][..], Verdict::Consistent));
}

#[test]
fn only_changed_promises_become_leaves() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    let declared = |every| Declared {
        promise: Promise {
            numbering: Some(Numbering::SYSLOG),
            redelivers: false,
            heard_every_ns: Some(every),
        },
        owner: "network team".to_owned(),
        class: None,
    };
    let sources = [("fw".to_owned(), declared(5)), ("vpn".to_owned(), declared(6))].into();
    assert_eq!(ledger.declare(&sources).unwrap().len(), 2);
    assert_eq!(ledger.declare(&sources).unwrap().len(), 0);
    let weaker = [("fw".to_owned(), declared(500))].into();
    assert_eq!(ledger.declare(&weaker).unwrap().len(), 2, "one is weaker, one is withdrawn");
    assert_eq!(reader(&home).in_force().unwrap().sources, weaker);
    assert_eq!(ledger.in_force().unwrap().sources, weaker);
    ledger.close().unwrap();
    assert_eq!(home.open().0.in_force().unwrap().sources, weaker);
}
