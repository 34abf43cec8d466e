use super::super::*;
use super::{Fixture, identity, new_ledger, order, refused};
use crate::ledger::sample::{order_of_units, rows};

impl Fixture {
    /// A unit that brings this identity is put into a fixture and claimed, as the line does it.
    fn claim_with_row(&self, order: &str, id: &str, unit: &str) -> Result<u64, LedgerError> {
        let attempt = self.open_attempt("1", unit);
        self.append(vec![rows(order, &[id]), claimed(attempt, order, id, unit)]).map(|_| attempt)
    }

    /// Holds the numbers of order april against its identities, and gives them.
    fn reconciled(&self) -> Counts {
        let (reader, counts) = (self.reader(), self.reader().counts("april").unwrap());
        let reserved = reader.identities("april").unwrap().len() as u64;
        let (burnt, checked_out) = (counts.burnt, counts.checked_out);
        assert_eq!(
            reserved + reader.to_come("april").unwrap(),
            counts.accepted + burnt + counts.on_hold + counts.waiting + checked_out
        );
        assert_eq!(counts.ordered, counts.accepted + counts.open + counts.on_hold + checked_out);
        assert_eq!(counts.open, counts.waiting + burnt, "open, or short for ever");
        counts
    }
}

fn claimed(attempt: u64, order: &str, id: &str, unit: &str) -> Fact {
    Fact::Claimed {
        attempt,
        order: order.into(),
        identity: identity(id),
        hardware_id: unit.into(),
        decision: "new".into(),
    }
}

fn is_full(result: Result<Vec<u64>, LedgerError>) {
    let error = result.unwrap_err();
    let LedgerError::Refused(ProjectionError::OrderFull { order, quantity }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((order.as_str(), *quantity), ("april", 2));
}

/// Rebuilt, the tables are the same, and the ledger holds together.
fn rebuilds(ledger: Fixture) {
    let before = ledger.reader().identities("april").unwrap();
    let Fixture { _folder, path, owner } = ledger;
    drop(owner);
    assert_eq!(verify(&path).unwrap().findings, []);
    LedgerOwner::rebuild(&path, "line-1").unwrap();
    assert_eq!(verify(&path).unwrap().findings, []);
    assert_eq!(LedgerReader::open(&path).unwrap().identities("april").unwrap(), before);
}

#[test]
fn an_order_whose_identities_are_yet_to_come_is_wholly_open() {
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 3)]).unwrap();
    let counts = ledger.reconciled();
    let all_open = Counts { ordered: 3, open: 3, unbound: 3, waiting: 3, ..Counts::default() };
    assert_eq!(counts, all_open);
    assert_eq!(ledger.reader().to_come("april").unwrap(), 3);
    assert_eq!(ledger.reader().next_unbound("april").unwrap(), None, "none is there to be given");
    assert_eq!(ledger.reader().counts("may").unwrap(), Counts::default(), "no such order");
    rebuilds(ledger);
}

#[test]
fn counts_add_up_while_units_bring_their_identities() {
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 3)]).unwrap();
    let check = |expected: (u64, u64, u64, u64, u64)| {
        let counts = ledger.reconciled();
        let Counts { accepted, on_hold, burnt, unbound, waiting, .. } = counts;
        assert_eq!((accepted, on_hold, burnt, unbound, waiting), expected);
    };
    let first = ledger.claim_with_row("april", "tpm-1", "a1").unwrap();
    check((0, 0, 0, 2, 3));
    ledger.issue(first, "tpm-1", "s1", "k1", None).unwrap();
    ledger.accept(first, "tpm-1").unwrap();
    check((1, 0, 0, 2, 2));
    ledger.claim_with_row("april", "tpm-2", "b2").unwrap();
    ledger.append(vec![Fact::Held { identity: identity("tpm-2"), reason: "doubled".into() }]).unwrap();
    check((1, 1, 0, 1, 1));
    let third = ledger.claim_with_row("april", "tpm-3", "c3").unwrap();
    check((1, 1, 0, 0, 1));
    ledger.append(vec![Fact::Scrapped { identity: identity("tpm-2"), reason: "cracked".into() }]).unwrap();
    check((1, 0, 1, 0, 1));
    ledger.issue(third, "tpm-3", "s3", "k3", None).unwrap();
    ledger.accept(third, "tpm-3").unwrap();
    // What was scrapped is short, and nothing waits for it: the order is done.
    check((2, 0, 1, 0, 0));
    rebuilds(ledger);
}

#[test]
fn an_order_has_no_more_identities_than_units() {
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 2)]).unwrap();
    ledger.claim_with_row("april", "tpm-1", "a1").unwrap();
    is_full(ledger.append(vec![rows("april", &["tpm-2", "tpm-3"])]));
    ledger.claim_with_row("april", "tpm-2", "b2").unwrap();
    is_full(ledger.append(vec![rows("april", &["tpm-3"])]));
    // A burnt identity was one of the order's, and gives its place to no other.
    ledger.append(vec![Fact::Scrapped { identity: identity("tpm-1"), reason: "cracked".into() }]).unwrap();
    is_full(ledger.append(vec![rows("april", &["tpm-3"])]));
    assert_eq!(ledger.reader().to_come("april").unwrap(), 0);

    ledger.append(order("may", &["gw-1", "gw-2"])).unwrap();
    refused(ledger.append(vec![rows("may", &["gw-3"])]), "order may is for 2 units");
    refused(ledger.append(vec![rows("june", &["gw-3"])]), "order june is unknown");
    rebuilds(ledger);
}

#[test]
fn what_is_reserved_with_a_claim_is_not_without_it() {
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 3)]).unwrap();
    ledger.append(order("may", &["gw-1"])).unwrap();
    ledger.claim_with_row("april", "tpm-1", "a1").unwrap();
    let head = ledger.reader().head("line-1").unwrap().seq;
    let taken = |id: &str, unit: &str, part: &str| {
        let attempt = ledger.open_attempt("2", unit);
        refused(ledger.append(vec![rows("april", &[id]), claimed(attempt, "april", id, unit)]), part);
        assert_eq!(ledger.reader().head("line-1").unwrap().seq, attempt, "a refused request leaves nothing");
    };
    // A unit that is bound shows another key; a key that is reserved comes in another unit, or again in the same.
    taken("tpm-2", "a1", "hardware_id a1 is taken: bound to 0ne00ABCDEF/tpm-1");
    taken("tpm-1", "b2", "registration ID tpm-1 is taken");
    taken("gw-1", "b2", "registration ID gw-1 is taken");
    assert_eq!(ledger.reader().head("line-1").unwrap().seq, head + 3, "three attempts");
    assert_eq!(ledger.reader().to_come("april").unwrap(), 2);
    assert_eq!(ledger.reader().identity("0ne00ABCDEF", &"tpm-2".parse().unwrap()).unwrap(), None);
    rebuilds(ledger);
}

#[test]
fn an_identity_is_found_whichever_order_has_it() {
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 1)]).unwrap();
    ledger.append(order("may", &["gw-1"])).unwrap();
    ledger.claim_with_row("april", "tpm-1", "a1").unwrap();
    let find = |id_scope: &str, id: &str| {
        let found = ledger.reader().identity(id_scope, &id.parse().unwrap()).unwrap();
        found.map(|record| (record.identity.registration_id.to_string(), record.order, record.unit))
    };
    assert_eq!(find("0ne00ABCDEF", "tpm-1"), Some(("tpm-1".into(), "april".into(), Some("a1".into()))));
    assert_eq!(find("0ne00ABCDEF", "gw-1"), Some(("gw-1".into(), "may".into(), None)));
    assert_eq!(find("0ne00FEDCBA", "gw-1"), None, "another DPS instance");
    assert_eq!(find("0ne00ABCDEF", "tpm-2"), None);
}

/// Fixtures that claim at the same moment get the order's last places between them, and one identity each.
#[test]
fn fixtures_that_race_for_the_last_place_get_one_each() {
    const FIXTURES: usize = 8;
    let ledger = new_ledger();
    ledger.append(vec![order_of_units("april", 2)]).unwrap();
    let at_once = std::sync::Barrier::new(FIXTURES);
    let claimed: Vec<bool> = std::thread::scope(|scope| {
        let fixture = |number: usize| {
            let (ledger, at_once) = (&ledger, &at_once);
            scope.spawn(move || {
                let (id, unit) = (format!("tpm-{number}"), format!("unit-{number}"));
                let attempt = ledger.open_attempt(&number.to_string(), &unit);
                at_once.wait();
                let facts = vec![rows("april", &[&id]), claimed(attempt, "april", &id, &unit)];
                match ledger.append(facts) {
                    Ok(_) => true,
                    refused => {
                        is_full(refused);
                        false
                    }
                }
            })
        };
        let threads: Vec<_> = (0..FIXTURES).map(fixture).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(claimed.iter().filter(|claimed| **claimed).count(), 2, "{claimed:?}");
    let counts = ledger.reconciled();
    assert_eq!((counts.unbound, counts.waiting), (0, 2));
    rebuilds(ledger);
}
