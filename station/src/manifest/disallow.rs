//! Disabled individual enrollments: what stops units that are scrapped or compromised.
//!
//! DPS looks for an individual enrollment before it looks for a group, and a disabled one ends the search
//! (how-to-revoke-device-access-portal). It looks at nothing else: no CRL was found to count.

use certkit::RegistrationId;

use super::individual::{
    Attestation, BulkMode, EnrollmentOptions, IndividualEnrollment, ProvisioningStatus, leaf,
};
use super::{ManifestError, order_identities};
use crate::ledger::entry::{IssuedCredential, KeyOrigin};
use crate::ledger::{CredentialRecord, IdentityRecord, IdentityState, LedgerReader};

/// The enrollments, and what they could not hold.
#[derive(Debug, Default)]
pub struct Disallowed {
    /// Of units that a group lets in: their enrollments are new.
    pub create: Vec<IndividualEnrollment>,
    /// Of units that have an enrollment of their own: it is replaced.
    pub update: Vec<IndividualEnrollment>,
    /// Certificates that found no room, by identity.
    pub left_out: Vec<(RegistrationId, Vec<String>)>,
}

impl Disallowed {
    /// All of them: each can be PUT alone.
    pub fn all(&self) -> impl Iterator<Item = &IndividualEnrollment> {
        self.create.iter().chain(&self.update)
    }

    /// Takes those of another order in.
    pub fn append(&mut self, mut other: Self) {
        self.create.append(&mut other.create);
        self.update.append(&mut other.update);
        self.left_out.append(&mut other.left_out);
    }

    /// What the operations are to do with which.
    pub fn by_mode(&self) -> [(BulkMode, &[IndividualEnrollment]); 2] {
        [(BulkMode::Create, &self.create), (BulkMode::Update, &self.update)]
    }
}

/// The disabled enrollments of an order's units: those of `wanted`, or else all that were scrapped after a credential
/// was issued for them.
///
/// # Errors
/// [`ManifestError`].
pub fn disallow(
    ledger: &LedgerReader,
    order: &str,
    wanted: &[RegistrationId],
) -> Result<Disallowed, ManifestError> {
    let identities = order_identities(ledger, order)?;
    let known =
        |id: &&RegistrationId| identities.iter().any(|record| record.identity.registration_id == **id);
    if let Some(id) = wanted.iter().find(|id| !known(id)) {
        return Err(ManifestError::NotInOrder { order: order.to_owned(), id: id.clone() });
    }
    let mut disallowed = Disallowed::default();
    for record in identities {
        let named = wanted.contains(&record.identity.registration_id);
        let scrapped = wanted.is_empty() && record.state == IdentityState::Burnt;
        if !named && !scrapped {
            continue;
        }
        let credentials = ledger.credentials_of(&record.identity)?;
        match credentials.last() {
            Some(last) => disallowed.add(ledger, &record, last, &credentials)?,
            None if named => return Err(ManifestError::NoCredential(record.identity.registration_id)),
            None => {}
        }
    }
    if disallowed.all().next().is_none() {
        return Err(ManifestError::NothingScrapped(order.to_owned()));
    }
    Ok(disallowed)
}

impl Disallowed {
    fn add(
        &mut self,
        ledger: &LedgerReader,
        record: &IdentityRecord,
        last: &CredentialRecord,
        all: &[CredentialRecord],
    ) -> Result<(), ManifestError> {
        let id = &record.identity.registration_id;
        let (attestation, has_its_own) = match &last.credential {
            IssuedCredential::Certificate { authority, .. } => {
                (self.leaves(ledger, record, all)?, authority.is_none())
            }
            IssuedCredential::DeviceKey { origin, .. } => match origin {
                KeyOrigin::Derived { .. } => (Attestation::unknown_keys(), false),
                KeyOrigin::Random { .. } => (Attestation::unknown_keys(), true),
                KeyOrigin::Given => return Err(ManifestError::GivenDisallowed(id.clone())),
            },
            IssuedCredential::EndorsementKey(tpm) => (Attestation::endorsement_key(tpm, false), true),
        };
        let options =
            EnrollmentOptions { status: ProvisioningStatus::Disabled, ..EnrollmentOptions::default() };
        let enrollment = IndividualEnrollment::new(id.clone(), attestation, options).marked(&last.credential);
        if has_its_own { &mut self.update } else { &mut self.create }.push(enrollment);
        Ok(())
    }

    /// The certificates that the unit may hold: the last one that it proved, and every later one, which an interrupted
    /// attempt may or may not have written. Earlier ones it cannot hold: a later one was proven in their place. An
    /// enrollment has room for two: the newest is the primary, the one before it the secondary.
    fn leaves(
        &mut self,
        ledger: &LedgerReader,
        record: &IdentityRecord,
        all: &[CredentialRecord],
    ) -> Result<Attestation, ManifestError> {
        let id = record.identity.registration_id.as_str();
        let attempts = ledger.attempts_of(id)?;
        let proven = attempts.iter().filter(|attempt| {
            attempt.order == record.order
                && attempt.registration_id.as_deref() == Some(id)
                && attempt.state == "accepted"
        });
        let last_proven = proven.map(|attempt| attempt.attempt).max().unwrap_or(0);
        let from = all.iter().rposition(|credential| credential.attempt <= last_proven).unwrap_or(0);
        let mut held = all[from..].iter().rev().filter_map(|credential| match &credential.credential {
            IssuedCredential::Certificate { chain, certificate_serial, .. } => {
                Some((chain, certificate_serial))
            }
            IssuedCredential::DeviceKey { .. } | IssuedCredential::EndorsementKey(_) => None,
        });
        // The caller saw that the last one is a certificate.
        let primary = held.next().map(|(chain, _)| leaf(chain)).transpose()?.unwrap_or_default();
        let secondary = held.next().map(|(chain, _)| leaf(chain)).transpose()?;
        let left: Vec<String> = held.map(|(_, serial)| serial.clone()).collect();
        if !left.is_empty() {
            self.left_out.push((record.identity.registration_id.clone(), left));
        }
        Ok(Attestation::leaves(primary, secondary))
    }
}

#[cfg(test)]
mod tests {
    use certkit::{
        CertificateSerial, CommonName, Issuer, KeyAlgorithm, Profile, Signer, SoftwareSigner, Subject,
    };
    use serde_json::Value;
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::ledger::entry::{Disposition, Fact, Identity, KeyMaker};
    use crate::ledger::{LedgerOwner, sample};

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    struct Line {
        folder: tempfile::TempDir,
        owner: LedgerOwner,
        issuer: Issuer,
    }

    impl Line {
        /// An order of gw-1 on a new ledger, and an authority.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let owner = LedgerOwner::create(&folder.path().join("ledger.db"), "line-1", NOW).unwrap();
            let profile = Profile::from_toml(include_str!("../../../templates/profiles/root.toml")).unwrap();
            let key = SoftwareSigner::generate(KeyAlgorithm::P256).unwrap();
            let subject = Subject::Authority(CommonName::parse("Root").unwrap());
            let serial = CertificateSerial::new(0, [1; 8]);
            let certificate = Issuer::self_signed(&profile, &subject, &key, &serial, NOW).unwrap();
            let line = Self { folder, owner, issuer: Issuer::new(certificate, Box::new(key)).unwrap() };
            line.append(sample::order("april", &["gw-1"]));
            line
        }

        fn append(&self, facts: Vec<Fact>) -> u64 {
            self.owner.ledger().append(NOW, facts).unwrap()[0]
        }

        /// An attempt that issues a certificate and ends so; gives the certificate.
        fn attempt(&self, authority: Option<&str>, accepted: bool) -> String {
            let identity =
                || Identity { id_scope: "0ne00ABCDEF".into(), registration_id: "gw-1".parse().unwrap() };
            let attempt = self.append(vec![Fact::AttemptOpened {
                order: "april".into(),
                fixture: "1".into(),
                hardware_id: "a1".into(),
                learnt_from: "console".into(),
                scanned: None,
                locks: None,
            }]);
            let profile =
                Profile::from_toml(include_str!("../../../templates/profiles/azure-device.toml")).unwrap();
            let (key, serial) = (
                SoftwareSigner::generate(KeyAlgorithm::P256).unwrap(),
                CertificateSerial::new(attempt, [1; 8]),
            );
            let subject = Subject::Device("gw-1".parse().unwrap());
            let leaf = self.issuer.issue(&profile, &subject, key.public_key(), &serial, NOW).unwrap();
            let credential = IssuedCredential::Certificate {
                certificate_serial: serial.to_string(),
                public_key: format!("{:?}", leaf.public_key().fingerprint()),
                chain: leaf.to_pem(),
                authority: authority.map(str::to_owned),
                key_maker: KeyMaker::Station,
            };
            let claimed = Fact::Claimed {
                attempt,
                order: "april".into(),
                identity: identity(),
                hardware_id: "a1".into(),
                decision: "new".into(),
            };
            let supersedes = Some("interrupted".to_owned());
            let issued = Fact::Issued { attempt, identity: identity(), credential, supersedes };
            let verdict = if accepted {
                Fact::Accepted { attempt, identity: identity(), evidence: Vec::new() }
            } else {
                let disposition = Disposition::Rework;
                Fact::Failed { attempt, identity: identity(), disposition, reason: "cut off".into() }
            };
            self.append(vec![claimed, issued, verdict]);
            if accepted {
                self.append(vec![Fact::Reworked { identity: identity(), reason: "repaired".into() }]);
            }
            leaf.to_pem()
        }

        fn disallowed(&self) -> Disallowed {
            let reader = LedgerReader::open(&self.folder.path().join("ledger.db")).unwrap();
            disallow(&reader, "april", &["gw-1".parse().unwrap()]).unwrap()
        }
    }

    fn certificates(enrollment: &IndividualEnrollment) -> [Option<String>; 2] {
        let body: Value = serde_json::to_value(enrollment).unwrap();
        let held = &body["attestation"]["x509"]["clientCertificates"];
        ["primary", "secondary"].map(|entry| held[entry]["certificate"].as_str().map(str::to_owned))
    }

    #[test]
    fn what_a_unit_cannot_hold_any_more_is_left_out() {
        let line = Line::new();
        line.attempt(Some("line"), false);
        let proven = line.attempt(Some("line"), true);
        assert_eq!(certificates(&line.disallowed().create[0]), [Some(proven.clone()), None]);
        let next = line.attempt(Some("line"), false);
        assert_eq!(certificates(&line.disallowed().create[0]), [Some(next.clone()), Some(proven)]);
        let last = line.attempt(Some("line"), false);
        let disallowed = line.disallowed();
        assert_eq!(certificates(&disallowed.create[0]), [Some(last), Some(next)]);
        assert_eq!(disallowed.left_out.len(), 1, "three may be in the unit, and an enrollment holds two");
        assert_eq!(disallowed.left_out[0].1.len(), 1);
    }

    #[test]
    fn an_enrollment_that_is_there_is_replaced() {
        let line = Line::new();
        line.attempt(None, true);
        let disallowed = line.disallowed();
        assert_eq!((disallowed.create.len(), disallowed.update.len()), (0, 1));
    }
}
