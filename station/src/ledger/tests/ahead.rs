use super::super::entry::{AheadCredential, Delivery, Door, IssuedCredential, KeyMaker, KeyOrigin};
use super::super::*;
use super::{identity, new_ledger, order};

fn ahead(order: &str, ids: &[&str], supersedes: Option<&str>, round: u32) -> Fact {
    let credential = |id: &&str| AheadCredential {
        registration_id: id.parse().unwrap(),
        credential: IssuedCredential::Certificate {
            certificate_serial: format!("02{round}{id}"),
            public_key: format!("{round}{id}"),
            chain: "leaf".into(),
            authority: Some("intermediate".into()),
            key_maker: KeyMaker::Station,
        },
    };
    Fact::IssuedAhead {
        order: order.into(),
        id_scope: "0ne00ABCDEF".into(),
        above: "above".into(),
        keys: None,
        credentials: ids.iter().map(credential).collect(),
        supersedes: supersedes.map(str::to_owned),
    }
}

/// The same with random keys, which lie under this number.
fn random(ids: &[&str], supersedes: Option<&str>, number: u64) -> Fact {
    let credential = |id: &&str| AheadCredential {
        registration_id: id.parse().unwrap(),
        credential: IssuedCredential::DeviceKey {
            origin: KeyOrigin::Random { secondary_mac: format!("2-{number}-{id}") },
            key_mac: format!("1-{number}-{id}"),
        },
    };
    Fact::IssuedAhead {
        order: "april".into(),
        id_scope: "0ne00ABCDEF".into(),
        above: String::new(),
        keys: Some(number),
        credentials: ids.iter().map(credential).collect(),
        supersedes: supersedes.map(str::to_owned),
    }
}

fn handed_over(first: u64) -> Fact {
    let door = Door::Clear;
    Fact::HandedOver { order: "april".into(), first, credentials: 1, door, recipients: vec![], sha256: None }
}

#[test]
fn what_is_issued_ahead_is_checked_out_and_for_nobody_else() {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1", "gw-2", "gw-3"])).unwrap();
    ledger.append(order("may", &["gw-9"])).unwrap();
    let first = ledger.append(vec![ahead("april", &["gw-1", "gw-2"], None, 1)]).unwrap()[0];
    let of = |which| ledger.reader().ahead_of("april", which, 9).unwrap().len();
    assert_eq!([AheadOf::Open, AheadOf::CutOff, AheadOf::CheckedOut].map(of), [1, 2, 2]);
    let counts = ledger.reader().counts("april").unwrap();
    assert_eq!((counts.ordered, counts.open, counts.checked_out, counts.waiting), (3, 1, 2, 1));

    let refused = |fact: Fact, says: &str| {
        let error = ledger.append(vec![fact]).unwrap_err();
        let text = crate::error_text::with_causes(&error);
        assert!(text.contains(says), "{text}");
    };
    refused(ahead("april", &["gw-1"], None, 2), "its credential is checked out");
    refused(ahead("april", &["gw-9"], None, 2), "it belongs to order may");
    refused(ahead("april", &["gw-3", "gw-4"], None, 2), "unknown");
    // The same key, or serial, never twice.
    refused(ahead("april", &["gw-1"], Some("lost"), 1), "the ledger has it already");
    let reworked = Fact::Reworked { identity: identity("gw-1"), reason: "x".into() };
    refused(reworked, "is checked-out, not in use here");
    let attempt = ledger.open_attempt("1", "unit-1");
    let claimed = Fact::Claimed {
        attempt,
        order: "april".into(),
        identity: identity("gw-1"),
        hardware_id: "unit-1".into(),
        decision: "new".into(),
    };
    refused(claimed, "is checked-out, not open or live");

    ledger.append(vec![handed_over(first)]).unwrap();
    assert_eq!([AheadOf::CutOff, AheadOf::CheckedOut].map(of), [0, 2]);
    let again = ledger.append(vec![ahead("april", &["gw-1"], Some("lost"), 2)]).unwrap()[0];
    assert_eq!([AheadOf::CutOff, AheadOf::CheckedOut].map(of), [1, 2]);
    ledger.append(vec![handed_over(again)]).unwrap();
    assert_eq!((of(AheadOf::CutOff), ledger.reader().count_ahead().unwrap()), (0, 3));
    let held = verify(&ledger.path).unwrap();
    assert!(held.findings.is_empty(), "{held:?}");
}

/// Handed over or not: a folder in clear that was cut off may have left its key behind.
#[test]
fn what_was_cut_off_is_taken_back_too() {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1"])).unwrap();
    let ended = || -> Vec<(String, bool)> {
        let ended = ledger.reader().ended_certificates("intermediate").unwrap();
        ended.into_iter().map(|one| (one.certificate_serial, one.scrapped)).collect()
    };
    ledger.append(vec![ahead("april", &["gw-1"], None, 1)]).unwrap();
    assert_eq!(ended(), []);
    ledger.append(vec![ahead("april", &["gw-1"], Some("interrupted"), 2)]).unwrap();
    assert_eq!(ended(), [("021gw-1".to_owned(), false)]);
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-1"), reason: "x".into() }]).unwrap();
    assert_eq!(ended(), [("021gw-1".to_owned(), false), ("022gw-1".to_owned(), true)]);
    assert!(verify(&ledger.path).unwrap().findings.is_empty(), "replayed");
}

#[test]
fn random_keys_are_of_use_until_all_of_an_entry_are_superseded_or_revoked() {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1", "gw-2"])).unwrap();
    let certificates = ledger.append(vec![ahead("april", &["gw-1"], None, 1)]).unwrap()[0];
    let entry = ledger.append(vec![random(&["gw-2"], None, 77)]).unwrap()[0];
    assert_eq!(ledger.reader().keys_ahead(entry).unwrap(), Some((77, 1)));
    assert_eq!(ledger.reader().keys_ahead(certificates).unwrap(), None);
    let of_use = || ledger.reader().all_keys_ahead().unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(of_use(), [(77, true)], "announced");
    ledger.append(vec![handed_over(certificates), random(&["gw-1", "gw-2"], Some("lost"), 88)]).unwrap();
    assert_eq!(of_use(), [(77, false), (88, true)]);
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-1"), reason: "x".into() }]).unwrap();
    assert_eq!(of_use(), [(77, false), (88, true)], "gw-2's are");
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-2"), reason: "x".into() }]).unwrap();
    assert_eq!(of_use(), [(77, false), (88, false)]);
}

#[test]
fn what_was_superseded_before_a_delivery_has_not_arrived_with_it() {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1", "gw-2", "gw-3"])).unwrap();
    let first = ledger.append(vec![random(&["gw-1", "gw-2"], None, 77)]).unwrap()[0];
    ledger.append(vec![handed_over(first), random(&["gw-1"], Some("cut off"), 88)]).unwrap();
    let may = |ledger: &super::Fixture| -> Vec<String> {
        let records = ledger.reader().may_register("april").unwrap();
        records.iter().map(|record| record.identity.registration_id.to_string()).collect()
    };
    assert_eq!(may(&ledger), ["gw-2"], "gw-1's last has not left");
    let delivery = Delivery {
        order: "april".into(),
        form: Door::Clear,
        recipients: vec![],
        identities: 1,
        sha256: "00".into(),
        attempts: vec![first],
    };
    let number = ledger.append(vec![Fact::Delivered(delivery)]).unwrap()[0];
    ledger.append(vec![Fact::DeliveryAcknowledged { delivery: number }]).unwrap();
    let last = ledger.append(vec![random(&["gw-1", "gw-2"], Some("lost"), 99)]).unwrap()[0];
    ledger.append(vec![handed_over(last)]).unwrap();
    assert_eq!(may(&ledger), ["gw-1", "gw-2"]);
    assert_eq!(ledger.reader().arrived_identities("april").unwrap(), ["gw-2".to_owned()].into());
}
