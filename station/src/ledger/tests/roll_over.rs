use super::super::entry::{Hold, RetirementReason};
use super::super::*;
use super::{new_ledger, refused};

fn made(label: &str) -> Fact {
    Fact::AuthorityCreated {
        label: label.into(),
        role: "intermediate".into(),
        issuer: Some("root".into()),
        certificate_serial: format!("serial-{label}"),
        public_key: format!("key-{label}"),
        certificate: "PEM".into(),
        token_key: None,
    }
}

fn begun(from: &str, to: &str) -> Fact {
    Fact::RollOverBegun { hold: Hold::Authority(from.into()), successor: to.into() }
}

fn retired(from: &str, to: &str, reason: RetirementReason) -> Fact {
    Fact::Retired { hold: Hold::Authority(from.into()), successor: to.into(), reason }
}

#[test]
fn a_successor_stands_beside_and_then_takes_the_place() {
    let ledger = new_ledger();
    ledger.append(["a", "b", "c", "d"].map(made).to_vec()).unwrap();
    let (expiry, breach) = (RetirementReason::Expiry, RetirementReason::Breach);
    refused(ledger.append(vec![begun("a", "x")]), "unknown");
    refused(ledger.append(vec![begun("a", "a")]), "the same");
    refused(ledger.append(vec![retired("a", "b", expiry)]), "without a successor");
    ledger.append(vec![begun("a", "b")]).unwrap();
    refused(ledger.append(vec![begun("a", "c")]), "with the successor b");
    refused(ledger.append(vec![begun("b", "a")]), "with the successor b");
    refused(ledger.append(vec![retired("a", "c", breach)]), "with the successor b");
    let state = |name: &str| {
        let found = ledger.reader().roll_over(&Hold::Authority(name.into())).unwrap();
        found.map(|found| format!("{} {}", found.successor, found.state))
    };
    assert_eq!(state("a").as_deref(), Some("b in progress"));
    // b is lost while a still serves: c stands beside a in its place.
    ledger.append(vec![retired("b", "c", breach)]).unwrap();
    assert_eq!(state("a").as_deref(), Some("c in progress"));
    ledger.append(vec![retired("c", "a", breach)]).unwrap();
    assert_eq!((state("a"), state("c").as_deref()), (None, Some("a breach")), "back to a alone");
    ledger.append(vec![begun("a", "d"), retired("a", "d", expiry)]).unwrap();
    refused(ledger.append(vec![retired("a", "d", expiry)]), "expiry, with the successor d");
    assert!(verify(&ledger.path).unwrap().findings.is_empty(), "read back and replayed");
}
