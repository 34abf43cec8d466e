//! Manifests of units that attest with their TPMs.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::ledger::entry::{Fact, Identity, IssuedCredential, KeyMaker, TpmKey};
use crate::ledger::{LedgerOwner, sample};

const NOW: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

struct Line {
    folder: tempfile::TempDir,
    owner: LedgerOwner,
}

fn identity(id: &str) -> Identity {
    Identity { id_scope: "0ne00ABCDEF".into(), registration_id: id.parse().unwrap() }
}

fn with_tpm(tpm: TpmKey) -> IssuedCredential {
    IssuedCredential::EndorsementKey(Box::new(tpm))
}

impl Line {
    /// An order for so many units, which bring their registration IDs.
    fn new(quantity: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let owner = LedgerOwner::create(&folder.path().join("ledger.db"), "line-1", NOW).unwrap();
        let line = Self { folder, owner };
        line.append(vec![sample::order_of_units("april", quantity)]);
        line
    }

    fn append(&self, facts: Vec<Fact>) -> u64 {
        self.owner.ledger().append(NOW, facts).unwrap()[0]
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::open(&self.folder.path().join("ledger.db")).unwrap()
    }

    /// A unit comes, brings its registration ID, and is accepted with this credential.
    fn take_in(&self, id: &str, credential: IssuedCredential) {
        let hardware_id = format!("unit-{id}");
        let attempt = self.append(vec![Fact::AttemptOpened {
            order: "april".into(),
            fixture: "1".into(),
            hardware_id: hardware_id.clone(),
            learnt_from: "console".into(),
            scanned: None,
            locks: None,
        }]);
        let claimed = Fact::Claimed {
            attempt,
            order: "april".into(),
            identity: identity(id),
            hardware_id,
            decision: "new".into(),
        };
        let issued = Fact::Issued { attempt, identity: identity(id), credential, supersedes: None };
        let accepted = Fact::Accepted { attempt, identity: identity(id), evidence: Vec::new() };
        self.append(vec![sample::rows("april", &[id]), claimed, issued, accepted]);
    }

    fn scrap(&self, id: &str) {
        self.append(vec![Fact::Scrapped { identity: identity(id), reason: "cracked".into() }]);
    }

    fn enrollments(
        &self,
        verified_ca: Option<&str>,
        options: EnrollmentOptions,
    ) -> Result<Vec<IndividualEnrollment>, ManifestError> {
        let none = BTreeSet::new();
        let wanted = Enrollments { order: "april", verified_ca, options, without: &none };
        individual_enrollments(&self.reader(), wanted, |_| panic!("a TPM has no symmetric keys"))
    }

    fn bodies(&self, options: EnrollmentOptions) -> Vec<Value> {
        self.enrollments(None, options).unwrap().iter().map(body).collect()
    }
}

fn body<T: serde::Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap()
}

#[test]
fn a_tpm_unit_is_enrolled_with_its_keys() {
    let line = Line::new(2);
    line.take_in("tpm-1", with_tpm(sample::tpm("x")));
    let plain = line.bodies(EnrollmentOptions::default());
    assert_eq!(
        plain,
        [json!({
            "registrationId": "tpm-1", "attestation": {"type": "tpm", "tpm": {"endorsementKey": "AToAx"}},
            "provisioningStatus": "enabled",
        })]
    );
    let all = EnrollmentOptions {
        device_id: true,
        iot_edge: true,
        storage_root_key: true,
        status: ProvisioningStatus::Disabled,
    };
    assert_eq!(
        line.bodies(all),
        [json!({
            "registrationId": "tpm-1", "deviceId": "tpm-1",
            "attestation": {"type": "tpm", "tpm": {"endorsementKey": "AToAx", "storageRootKey": "ARoAx"}},
            "provisioningStatus": "disabled", "capabilities": {"iotEdge": true},
        })]
    );
    assert!(!needs_delivery(&line.reader(), "april").unwrap(), "a public key can be shown");
}

#[test]
fn eleven_tpm_units_are_ten_and_one_in_bulk() {
    let line = Line::new(12);
    let ids: Vec<String> = (1..=11).map(|unit| format!("tpm-{}", 20 - unit)).collect();
    ids.iter().for_each(|id| line.take_in(id, with_tpm(sample::tpm(id))));
    let options = EnrollmentOptions { storage_root_key: true, ..EnrollmentOptions::default() };
    let enrollments = line.enrollments(None, options).unwrap();
    let operations: Vec<Value> = bulk(BulkMode::Create, &enrollments).map(|one| body(&one)).collect();
    let held = |operation: &Value| operation["enrollments"].as_array().unwrap().clone();
    assert_eq!(operations.iter().map(|one| held(one).len()).collect::<Vec<_>>(), [10, 1]);
    assert!(operations.iter().all(|operation| operation["mode"] == "create"));
    // In the sequence in which they came.
    let all: Vec<Value> = operations.iter().flat_map(held).collect();
    let wanted = |id: &String| {
        json!({
            "registrationId": id,
            "attestation": {"type": "tpm", "tpm": {
                "endorsementKey": format!("AToA{id}"), "storageRootKey": format!("ARoA{id}"),
            }},
            "provisioningStatus": "enabled",
        })
    };
    assert_eq!(all, ids.iter().map(wanted).collect::<Vec<_>>());
}

#[test]
fn only_units_that_came_and_were_accepted_are_enrolled() {
    let line = Line::new(3);
    let error = line.enrollments(None, EnrollmentOptions::default()).unwrap_err();
    assert!(matches!(error, ManifestError::NothingAccepted(_)), "{error}");
    line.take_in("tpm-1", with_tpm(sample::tpm("x")));
    line.take_in("tpm-2", with_tpm(sample::tpm("y")));
    line.scrap("tpm-1");
    let ids: Vec<Value> = line
        .bodies(EnrollmentOptions::default())
        .into_iter()
        .map(|body| body["registrationId"].clone())
        .collect();
    assert_eq!(ids, ["tpm-2"]);
}

#[test]
fn tpm_units_hang_on_no_ca_and_belong_to_no_group() {
    let line = Line::new(1);
    line.take_in("tpm-1", with_tpm(sample::tpm("x")));
    let error = line.enrollments(Some("contoso-root"), EnrollmentOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "tpm-1 hangs on no CA: leave --verified-ca out");
    let group = "line-1".parse().unwrap();
    for attestation in [GroupAttestation::Intermediate, GroupAttestation::VerifiedCa("contoso-root".into())] {
        let error = enrollment_group(&line.reader(), "april", &group, attestation, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the units of order april belong to no group: each has an enrollment of its own; give --individual in place of \
             --group"
        );
    }
}

#[test]
fn a_storage_root_key_is_named_where_there_is_one() {
    let line = Line::new(1);
    let certificate = IssuedCredential::Certificate {
        certificate_serial: "01".into(),
        public_key: "02".into(),
        chain: "PEM".into(),
        authority: Some("intermediate".into()),
        key_maker: KeyMaker::Station,
    };
    line.take_in("gw-1", certificate);
    let asked_for = |storage_root_key| {
        let options = EnrollmentOptions { storage_root_key, ..EnrollmentOptions::default() };
        line.enrollments(Some("contoso-root"), options)
    };
    assert_eq!(
        asked_for(true).unwrap_err().to_string(),
        "gw-1 attests without a TPM, and has no storage root key: leave --storage-root-key out"
    );
    assert_eq!(asked_for(false).unwrap().len(), 1);
}

#[test]
fn a_scrapped_tpm_unit_is_stopped_by_its_own_enrollment() {
    let line = Line::new(2);
    line.take_in("tpm-1", with_tpm(sample::tpm("x")));
    line.take_in("tpm-2", with_tpm(sample::tpm("y")));
    let stopped = |id: &str, key: &str| {
        json!({
            "registrationId": id, "attestation": {"type": "tpm", "tpm": {"endorsementKey": key}},
            "provisioningStatus": "disabled",
        })
    };
    let error = disallow(&line.reader(), "april", &[]).unwrap_err();
    assert!(matches!(error, ManifestError::NothingScrapped(_)), "{error}");
    line.scrap("tpm-1");
    let disallowed = disallow(&line.reader(), "april", &[]).unwrap();
    // It has an enrollment, which is replaced.
    assert_eq!(disallowed.update.iter().map(body).collect::<Vec<_>>(), [stopped("tpm-1", "AToAx")]);
    assert!(disallowed.create.is_empty() && disallowed.left_out.is_empty());
    let named = disallow(&line.reader(), "april", &["tpm-2".parse().unwrap()]).unwrap();
    assert_eq!(named.update.iter().map(body).collect::<Vec<_>>(), [stopped("tpm-2", "AToAy")]);
}

#[test]
fn units_whose_tpm_has_marks_are_told_apart() {
    let line = Line::new(3);
    line.take_in("tpm-1", with_tpm(sample::tpm("x")));
    line.take_in("tpm-2", with_tpm(sample::software_tpm("y")));
    line.take_in("tpm-3", with_tpm(TpmKey { software: true, ..sample::tpm("z") }));
    let found = marked(&line.reader(), "april").unwrap();
    let found: Vec<(&str, &[&str])> =
        found.iter().map(|one| (one.registration_id.as_str(), one.marks.as_slice())).collect();
    assert_eq!(found, [("tpm-2", &["origin unproven", "software TPM"][..]), ("tpm-3", &["software TPM"])]);
    let bodies = line.bodies(EnrollmentOptions::default());
    let twins: Vec<&Value> = bodies.iter().map(|body| &body["initialTwin"]).collect();
    let marks = |origin: &str| json!({"tags": {"tpm": {"origin": origin, "software": true}}});
    assert_eq!(twins, [&Value::Null, &marks("unproven"), &marks("proven")]);
}
