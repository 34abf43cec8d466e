use super::super::entry::{IssuedCredential, TpmKey};
use super::super::*;
use super::{Fixture, identity, new_ledger, order, refused};
use crate::ledger::sample::{software_tpm, tpm};

impl Fixture {
    fn announce(
        &self,
        attempt: u64,
        id: &str,
        tpm: &TpmKey,
        why: Option<&str>,
    ) -> Result<Vec<u64>, LedgerError> {
        self.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::EndorsementKey(Box::new(tpm.clone())),
            supersedes: why.map(str::to_owned),
        }])
    }

    /// A unit with this TPM is claimed and accepted.
    fn take_in(&self, id: &str, unit: &str, tpm: &TpmKey) {
        let attempt = self.open_attempt("1", unit);
        self.claim(attempt, id, unit).unwrap();
        self.announce(attempt, id, tpm, None).unwrap();
        self.accept(attempt, id).unwrap();
    }

    fn holder(&self, tpm: &TpmKey) -> Option<String> {
        let found = self.reader().holder_of_key(&tpm.public_key).unwrap();
        found.map(|record| record.identity.registration_id.to_string())
    }

    fn scrapped_with(&self, tpm: &TpmKey) -> Option<String> {
        let found = self.reader().scrapped_with_key(&tpm.public_key).unwrap();
        found.map(|record| record.identity.registration_id.to_string())
    }
}

/// gw-1 is live on unit a1 with this TPM; gw-2 is bound to unit b2.
fn with_unit(tpm: &TpmKey) -> (Fixture, u64) {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1", "gw-2"])).unwrap();
    ledger.take_in("gw-1", "a1", tpm);
    let other = ledger.open_attempt("2", "b2");
    ledger.claim(other, "gw-2", "b2").unwrap();
    (ledger, other)
}

fn rework(ledger: &Fixture, id: &str) {
    ledger.append(vec![Fact::Reworked { identity: identity(id), reason: "repaired".into() }]).unwrap();
}

fn scrap(ledger: &Fixture, id: &str) {
    ledger.append(vec![Fact::Scrapped { identity: identity(id), reason: "cracked".into() }]).unwrap();
}

/// What the ledger says of an entry stands in its bytes for ever.
#[test]
fn an_endorsement_key_has_these_bytes() {
    let issued = |tpm: TpmKey| Fact::Issued {
        attempt: 7,
        identity: identity("gw-1"),
        credential: IssuedCredential::EndorsementKey(Box::new(tpm)),
        supersedes: None,
    };
    for (fact, bytes) in [
        (
            issued(tpm("x")),
            r#"{"kind":"issued","attempt":7,"identity":{"id_scope":"0ne00ABCDEF","registration_id":"gw-1"},"credential_kind":"endorsement-key","endorsement_key":"AToAx","storage_root_key":"ARoAx","public_key":"spki-x","template":"l-1","endorsement_key_from":"persistent","certificate":"PEM","origin":"proven","root":"CN=Maker Root","manufacturer":"STM","model":"ST33HTPH","firmware":"1.258.0.0","software":false}"#,
        ),
        (
            issued(software_tpm("x")),
            r#"{"kind":"issued","attempt":7,"identity":{"id_scope":"0ne00ABCDEF","registration_id":"gw-1"},"credential_kind":"endorsement-key","endorsement_key":"AToAx","storage_root_key":"ARoAx","public_key":"spki-x","template":"l-1","endorsement_key_from":"persistent","origin":"unproven","manufacturer":"IBM","model":"SW   TPM","firmware":"1.258.0.0","software":true}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&fact).unwrap(), bytes);
        assert_eq!(serde_json::from_str::<Fact>(bytes).unwrap(), fact);
    }
}

#[test]
fn a_tpm_belongs_to_one_identity() {
    let key = tpm("x");
    let (ledger, other) = with_unit(&key);
    let error = ledger.announce(other, "gw-2", &key, None).unwrap_err();
    let LedgerError::Refused(ProjectionError::Taken { what: "public_key", value, holder }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((value.as_str(), holder.contains("bound to 0ne00ABCDEF/gw-1")), ("spki-x", true), "{holder}");
    assert_eq!(ledger.holder(&key).as_deref(), Some("gw-1"));
    // The unit's own is taken.
    ledger.announce(other, "gw-2", &tpm("y"), None).unwrap();
    assert_eq!(ledger.holder(&tpm("y")).as_deref(), Some("gw-2"));
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_repaired_unit_comes_back_with_its_tpm() {
    let key = tpm("x");
    let (ledger, other) = with_unit(&key);
    rework(&ledger, "gw-1");
    refused(ledger.announce(other, "gw-2", &key, None), "bound to 0ne00ABCDEF/gw-1");
    ledger.take_in("gw-1", "a1", &key);
    let states: Vec<String> =
        ledger.reader().credentials_of(&identity("gw-1")).unwrap().into_iter().map(|c| c.state).collect();
    assert_eq!(states, ["revoked", "live"]);
    // One whose attempt was cut off says why it takes the earlier one's place, as any other.
    ledger.announce(other, "gw-2", &tpm("y"), None).unwrap();
    refused(ledger.announce(other, "gw-2", &tpm("y"), None), "no reason to supersede");
    ledger.announce(other, "gw-2", &tpm("y"), Some("interrupted")).unwrap();
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn the_tpm_of_a_scrapped_unit_never_comes_back() {
    let key = tpm("x");
    let (ledger, other) = with_unit(&key);
    assert_eq!(ledger.scrapped_with(&key), None);
    scrap(&ledger, "gw-1");
    assert_eq!(ledger.holder(&key), None, "nobody holds what is spent");
    assert_eq!(ledger.scrapped_with(&key), Some("gw-1".into()));
    assert_eq!(ledger.scrapped_with(&tpm("y")), None);
    let error = ledger.announce(other, "gw-2", &key, None).unwrap_err();
    let LedgerError::Refused(ProjectionError::Taken { what: "public_key", value, holder }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(value, "spki-x");
    assert!(holder.contains("never used again since entry"), "{holder}");
    // In another unit as little as in its own, and under the name that its key gives as little as under another.
    let attempt = ledger.open_attempt("3", "c3");
    refused(ledger.claim(attempt, "gw-1", "c3"), "is burnt");
    let Fixture { _folder, path, owner } = ledger;
    drop(owner);
    LedgerOwner::rebuild(&path, "line-1").unwrap();
    assert_eq!(verify(&path).unwrap().findings, []);
    let ledger = Fixture { _folder, owner: LedgerOwner::open(&path, "line-1", "run").unwrap(), path };
    refused(ledger.announce(other, "gw-2", &key, None), "never used again since entry");
}

#[test]
fn a_scrapped_unit_takes_each_tpm_with_it_that_it_ever_had() {
    let (first, second) = (tpm("x"), tpm("y"));
    let (ledger, other) = with_unit(&first);
    rework(&ledger, "gw-1");
    ledger.take_in("gw-1", "a1", &second);
    assert_eq!([&first, &second].map(|tpm| ledger.holder(tpm)), [Some("gw-1".into()), Some("gw-1".into())]);
    scrap(&ledger, "gw-1");
    for key in [first, second] {
        assert_eq!(ledger.scrapped_with(&key), Some("gw-1".into()));
        refused(ledger.announce(other, "gw-2", &key, None), "never used again since entry");
    }
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn the_marks_of_a_tpm_stay_with_its_unit_for_ever() {
    let key = software_tpm("x");
    let (ledger, _) = with_unit(&key);
    let marked = |ledger: &Fixture, credentials: usize| {
        let reader = ledger.reader();
        let all = reader.credentials_of(&identity("gw-1")).unwrap();
        let current = reader.find("gw-1").unwrap().remove(0).credential.unwrap();
        assert_eq!(all.len(), credentials);
        for credential in all.iter().chain([&current]) {
            let IssuedCredential::EndorsementKey(tpm) = &credential.credential else {
                panic!("{credential:?}")
            };
            assert_eq!(**tpm, key);
            assert_eq!(tpm.marks(), ["origin unproven", "software TPM"]);
        }
    };
    marked(&ledger, 1);
    rework(&ledger, "gw-1");
    marked(&ledger, 1);
    ledger.take_in("gw-1", "a1", &key);
    marked(&ledger, 2);
    scrap(&ledger, "gw-1");
    marked(&ledger, 2);
    let Fixture { _folder, path, owner } = ledger;
    drop(owner);
    LedgerOwner::rebuild(&path, "line-1").unwrap();
    let ledger = Fixture { _folder, owner: LedgerOwner::open(&path, "line-1", "run").unwrap(), path };
    marked(&ledger, 2);
}

#[test]
fn a_tpm_has_the_marks_that_it_earns() {
    assert_eq!(tpm("x").marks(), [""; 0]);
    assert_eq!(TpmKey { software: true, ..tpm("x") }.marks(), ["software TPM"]);
    assert_eq!(TpmKey { software: false, ..software_tpm("x") }.marks(), ["origin unproven"]);
}
