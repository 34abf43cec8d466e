use super::super::*;
use super::{Fixture, identity, new_ledger, order};

#[test]
fn an_order_has_at_most_its_budget_of_credentials() {
    let ledger = new_ledger();
    let mut facts = order("april", &["gw-1", "gw-2"]);
    let Fact::OrderAdded { issue_budget, .. } = &mut facts[0] else { panic!("{facts:?}") };
    *issue_budget = Some(1);
    ledger.append(facts).unwrap();
    let first = ledger.open_attempt("1", "a1");
    ledger.claim(first, "gw-1", "a1").unwrap();
    let second = ledger.open_attempt("2", "b2");
    ledger.claim(second, "gw-2", "b2").unwrap();
    ledger.issue(first, "gw-1", "s1", "k1", None).unwrap();
    for _ in 0..2 {
        let error = ledger.issue(second, "gw-2", "s2", "k2", None).unwrap_err();
        assert!(
            matches!(error, LedgerError::Refused(ProjectionError::BudgetUsedUp { budget: 1, .. })),
            "{error:?}"
        );
    }
    assert_eq!(ledger.reader().budget("april").unwrap(), Some((1, 1)), "what was refused does not count");

    let raise =
        |order: &str| Fact::BudgetSet { order: order.into(), issue_budget: 2, reason: "one more".into() };
    assert!(ledger.append(vec![raise("may")]).is_err());
    ledger.append(vec![raise("april")]).unwrap();
    ledger.issue(second, "gw-2", "s2", "k2", None).unwrap();
    // Superseded ones count as well, and so does a rebuild.
    assert!(ledger.issue(second, "gw-2", "s3", "k3", Some("again")).is_err());
    let Fixture { _folder, path, owner } = ledger;
    drop(owner);
    LedgerOwner::rebuild(&path, "line-1").unwrap();
    assert_eq!(LedgerReader::open(&path).unwrap().budget("april").unwrap(), Some((2, 2)));
    assert_eq!(verify(&path).unwrap().findings, []);
}

#[test]
fn counts_add_up_in_every_state() {
    let ledger = Fixture::with_history();
    let check = |expected: (u64, u64, u64)| {
        let counts = ledger.reader().counts("april").unwrap();
        assert_eq!(counts.ordered, counts.accepted + counts.open + counts.on_hold);
        assert_eq!((counts.accepted, counts.open, counts.on_hold), expected);
    };
    check((1, 2, 0));
    ledger.append(vec![Fact::Held { identity: identity("gw-2"), reason: "doubled".into() }]).unwrap();
    check((1, 1, 1));
    ledger.append(vec![Fact::Reworked { identity: identity("gw-2"), reason: "other board".into() }]).unwrap();
    check((1, 2, 0));
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-1"), reason: "cracked".into() }]).unwrap();
    check((0, 3, 0));
}
