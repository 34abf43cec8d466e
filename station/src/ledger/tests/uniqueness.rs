use super::super::entry::{GroupEntry, IssuedCredential, KeyMaker, KeyOrigin};
use super::super::*;
use super::{Fixture, identity, order, refused};

#[test]
fn a_registration_id_is_reserved_once_within_its_id_scope() {
    let ledger = Fixture::with_history();
    let head = ledger.reader().head("line-1").unwrap();
    refused(ledger.append(order("may", &["gw-9", "gw-1"])), "gw-1");
    assert_eq!(ledger.reader().head("line-1").unwrap(), head, "a refused request leaves nothing");
    assert_eq!(ledger.reader().order("may").unwrap(), None);
    refused(ledger.append(order("june", &["gw-8", "gw-8"])), "gw-8");
}

#[test]
fn a_unit_and_an_identity_are_bound_once() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("3", "c3");
    refused(ledger.claim(attempt, "gw-1", "c3"), "bound to a1");
    let attempt = ledger.open_attempt("3", "a1");
    refused(ledger.claim(attempt, "gw-3", "a1"), "bound to 0ne00ABCDEF/gw-1");
    assert!(ledger.claim(attempt, "gw-1", "a1").is_ok(), "the same binding again");
}

#[test]
fn serials_and_public_keys_are_given_once() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    refused(ledger.issue(attempt, "gw-3", "s1", "k9", None), "s1");
    refused(ledger.issue(attempt, "gw-3", "s9", "k1", None), "k1");
    assert!(ledger.issue(attempt, "gw-3", "s9", "k9", None).is_ok());
}

#[test]
fn a_second_credential_needs_a_reason_and_supersedes_the_first() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("2", "b2");
    refused(ledger.issue(attempt, "gw-2", "s9", "k9", None), "no reason to supersede");
    ledger.issue(attempt, "gw-2", "s9", "k9", Some("interrupted")).unwrap();
    let states: Vec<String> =
        ledger.reader().credentials_of(&identity("gw-2")).unwrap().into_iter().map(|c| c.state).collect();
    assert_eq!(states, ["superseded", "issued"]);
    refused(ledger.issue(attempt, "gw-1", "s8", "k8", Some("x")), "is live");
}

#[test]
fn a_device_key_belongs_to_one_identity_and_comes_again_for_it() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::DeviceKey {
                origin: KeyOrigin::Derived { group_key: "g".into(), group_entry: GroupEntry::Primary },
                key_mac: "m1".into(),
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", None).unwrap();
    issue(attempt, "gw-3", Some("interrupted")).unwrap();
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", Some("x")), "bound to 0ne00ABCDEF/gw-3");
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-3"), reason: "cracked".into() }]).unwrap();
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_key_that_a_device_made_may_come_again_for_it_and_for_no_other() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, key: &str, why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::Certificate {
                certificate_serial: "01".into(),
                public_key: key.into(),
                chain: "PEM".into(),
                authority: None,
                key_maker: KeyMaker::Device,
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", "own", None).unwrap();
    issue(attempt, "gw-3", "own", Some("interrupted")).unwrap();
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", "own", Some("x")), "bound to 0ne00ABCDEF/gw-3");
    refused(issue(other, "gw-2", "k1", Some("x")), "public_key k1 is taken");
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-3"), reason: "cracked".into() }]).unwrap();
    refused(issue(other, "gw-2", "own", Some("x")), "never used again since entry");
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_random_device_key_is_given_once_and_neither_of_the_two_again() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, keys: [&str; 2], why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::DeviceKey {
                origin: KeyOrigin::Random { secondary_mac: keys[1].into() },
                key_mac: keys[0].into(),
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", ["a", "b"], None).unwrap();
    refused(issue(attempt, "gw-3", ["a", "c"], Some("interrupted")), "device_key a is taken");
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", ["d", "b"], Some("x")), "device_key b is taken");
}
