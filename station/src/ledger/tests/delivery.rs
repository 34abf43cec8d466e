use super::super::entry::{Delivery, Door};
use super::super::*;
use super::{Fixture, refused};

#[test]
fn a_delivery_is_acknowledged_once() {
    let ledger = Fixture::with_history();
    let delivery = Delivery {
        order: "april".into(),
        form: Door::Sealed,
        recipients: vec!["age1x".into()],
        identities: 2,
        sha256: "00".into(),
        attempts: vec![4, 7],
    };
    let number = ledger.append(vec![Fact::Delivered(delivery)]).unwrap()[0];
    assert_eq!(ledger.reader().delivered_attempts(number).unwrap(), [4, 7]);
    assert!(ledger.reader().arrived_attempts("april").unwrap().is_empty());
    refused(ledger.append(vec![Fact::DeliveryAcknowledged { delivery: 1 }]), "unknown or acknowledged");
    ledger.append(vec![Fact::DeliveryAcknowledged { delivery: number }]).unwrap();
    refused(ledger.append(vec![Fact::DeliveryAcknowledged { delivery: number }]), "acknowledged already");
    assert_eq!(ledger.reader().arrived_attempts("april").unwrap(), [4, 7].into());
    assert!(ledger.reader().delivery(number).unwrap().unwrap().acknowledged_at.is_some());
    assert!(verify(&ledger.path).unwrap().findings.is_empty(), "read back and replayed");
}

/// Entries of both kinds lie in ledgers with these bytes.
#[test]
fn a_delivery_and_a_hand_over_name_their_door_with_the_same_words() {
    for door in ["sealed", "clear"] {
        for bytes in [
            format!(
                r#"{{"kind":"delivered","order":"april","form":"{door}","recipients":[],"identities":2,"sha256":"00","attempts":[4]}}"#
            ),
            format!(r#"{{"kind":"handed_over","order":"april","first":3,"credentials":1,"door":"{door}"}}"#),
        ] {
            let fact: Fact = serde_json::from_str(&bytes).unwrap();
            assert_eq!(serde_json::to_string(&fact).unwrap(), bytes);
        }
    }
}
