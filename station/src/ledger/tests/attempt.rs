use super::super::entry::{Act, Disposition};
use super::super::*;
use super::{Fixture, identity, order, refused};

#[test]
fn only_an_open_attempt_is_acted_on() {
    let ledger = Fixture::with_history();
    refused(ledger.accept(4, "gw-1"), "accepted, not open");
    let act = Act::Restart;
    refused(ledger.append(vec![Fact::Announced { attempt: 999, act }]), "unknown, not open");
    let cut_off = ledger.open_attempt("5", "e5");
    ledger.open_attempt("5", "f6");
    refused(ledger.claim(cut_off, "gw-3", "e5"), "interrupted");
}

#[test]
fn a_failed_unit_keeps_its_identity_and_a_live_one_stays_live() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("2", "b2");
    ledger.fail(attempt, "gw-2", Disposition::Retry).unwrap();
    assert_eq!(
        ledger.reader().bound_to("b2").unwrap().unwrap().reissue,
        None,
        "a retry may find its credential"
    );
    let attempt = ledger.open_attempt("2", "b2");
    ledger.fail(attempt, "gw-2", Disposition::Rework).unwrap();
    let record = ledger.reader().bound_to("b2").unwrap().unwrap();
    assert_eq!((record.state, record.reissue.as_deref()), (IdentityState::Open, Some("broken")));
    let attempt = ledger.open_attempt("1", "a1");
    ledger.fail(attempt, "gw-1", Disposition::Retry).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::Live);
    let attempt = ledger.open_attempt("1", "a1");
    ledger.fail(attempt, "gw-1", Disposition::Hold).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::OnHold);
}

#[test]
fn a_scrapped_identity_is_burnt_and_its_unit_spent() {
    let ledger = Fixture::with_history();
    let scrap = || Fact::Scrapped { identity: identity("gw-1"), reason: "cracked".into() };
    ledger.append(vec![scrap()]).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::Burnt);
    refused(ledger.append(vec![scrap()]), "burnt");
    let attempt = ledger.open_attempt("1", "a1");
    refused(ledger.claim(attempt, "gw-3", "a1"), "never used again since entry");
    assert_eq!(ledger.reader().scrapped("a1").unwrap().as_deref(), Some("cracked"));
    refused(ledger.append(order("may", &["gw-1"])), "gw-1");
}
