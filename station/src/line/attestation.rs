//! Where credentials come from. The ways to attest are values of one step, not flows of their own.

use std::collections::HashMap;

use certkit::{
    Certificate, CertificateSerial, Chain, DeviceKey, EndorsementKey, GroupKey, Issuer, MakerCertificate,
    Profile, PublicKey, RegistrationId, Signer, SoftwareSigner, Subject, Template,
};
use zeroize::Zeroizing;

use super::claim::Claimed;
use super::{Asked, Edge, StationFault, Trouble};
use crate::ledger::CredentialRecord;
use crate::ledger::entry::{
    Disposition, GroupEntry, Identity, IssuedCredential, KeyMaker, KeyOrigin, TpmKey, hex,
};
use crate::product::TpmRules;
use crate::unit::{Credential, Facts, Refusal, judge_tpm};
use crate::vault::{SecretName, UnitKeys, UnlockedVault, VaultError};

/// How the units of a run get their credentials.
#[derive(Debug)]
pub enum Attestation {
    /// A key of the station's making or the unit's own, and a certificate.
    X509(Box<X509>),
    /// Each unit's key is derived from a group's, was given with the order, or is made at random.
    Symmetric(Symmetric),
    /// The endorsement key of each unit's TPM.
    Tpm(Tpms),
}

/// Which TPMs are taken.
#[derive(Debug)]
pub struct Tpms {
    /// What the product asks of them.
    pub rules: TpmRules,
    /// The certificates of makers, roots and intermediates, that the engineer trusts.
    pub makers: Vec<MakerCertificate>,
}

/// Who makes keys, who signs certificates, and what is in them.
#[derive(Debug)]
pub struct X509 {
    /// Who signs.
    pub signs: Signs,
    /// Who makes the key.
    pub key: KeyMaker,
    /// What a device certificate contains; of one that the unit makes, what it may be.
    pub profile: Profile,
}

/// Who signs a unit's certificate.
#[derive(Debug)]
pub enum Signs {
    /// An authority of the station's, which an enrollment group names.
    Authority {
        /// Its certificates of the profile. Their signatures are checked with the chain.
        template: Box<Template>,
        /// Its label.
        label: String,
        /// The issuer and what stands between it and the root, issuer first. The root stays out.
        intermediates: Vec<Certificate>,
    },
    /// The certificate's own key, for an individual enrollment.
    Itself,
}

impl Signs {
    fn authority(&self) -> Option<&str> {
        match self {
            Signs::Authority { label, .. } => Some(label),
            Signs::Itself => None,
        }
    }
}

/// Where symmetric keys come from.
#[derive(Debug)]
pub struct Symmetric {
    /// Derived, given or random.
    pub keys: SymmetricKeys,
    /// The vault's own key: of a device key the ledger holds an HMAC under it.
    pub ledger_key: DeviceKey,
}

/// Derived, given or random keys.
#[derive(Debug)]
pub enum SymmetricKeys {
    /// From an enrollment group's key.
    Derived {
        /// The group key.
        group_key: GroupKey,
        /// Its name in the vault.
        name: String,
        /// Which of the group's two it is.
        entry: GroupEntry,
    },
    /// With the order.
    Given(HashMap<RegistrationId, DeviceKey>),
    /// Made here, two for each unit. They lie sealed in the vault until the service has them.
    Random {
        /// Where they lie.
        vault: UnlockedVault,
        /// Bytes of each.
        key_bytes: usize,
    },
}

impl Attestation {
    /// What the ledger is to have of the unit's TPM; none where units attest in another way.
    ///
    /// # Errors
    /// Why the unit is not touched.
    pub(super) fn judge(&self, facts: &Facts, edge: &Edge) -> Result<Option<Box<TpmKey>>, Refusal> {
        match self {
            Attestation::Tpm(Tpms { rules, makers }) => {
                judge_tpm(rules, makers, facts, (edge.now)()).map(|key| Some(Box::new(key)))
            }
            Attestation::X509(_) | Attestation::Symmetric(_) => Ok(None),
        }
    }

    /// A credential for the unit's identity, and what the ledger announces of it. The attempt's number makes its
    /// certificate serial unique.
    pub(super) fn issue(
        &self,
        unit: Asked<'_, '_>,
        edge: &Edge,
    ) -> Result<(Credential, IssuedCredential), Trouble> {
        match self {
            Attestation::X509(x509) => x509.issue(unit, edge),
            Attestation::Symmetric(symmetric) => {
                symmetric.issue(&unit.claimed.identity, unit.claimed.attempt, edge)
            }
            Attestation::Tpm(_) => shown(unit.claimed),
        }
    }

    /// The credential of an earlier attempt, as far as it can be had again; none where the line's keys have changed.
    pub(super) fn recall(
        &self,
        record: &CredentialRecord,
        identity: &Identity,
    ) -> Result<Option<Credential>, Trouble> {
        match self {
            Attestation::X509(_) | Attestation::Tpm(_) => recall(record, identity, None),
            Attestation::Symmetric(symmetric) => recall(record, identity, Some(symmetric)),
        }
    }
}

/// The endorsement key that the unit was identified by.
fn shown(claimed: &Claimed) -> Result<(Credential, IssuedCredential), Trouble> {
    let tpm = claimed.tpm.clone().ok_or_else(|| Trouble::held("the unit's TPM was not read".to_owned()))?;
    Ok((endorsement_key(&tpm)?, IssuedCredential::EndorsementKey(tpm)))
}

/// A credential that was announced, as far as it can be had again: a certificate from the ledger, a key from where it came
/// from.
pub(super) fn recall(
    record: &CredentialRecord,
    identity: &Identity,
    keys: Option<&Symmetric>,
) -> Result<Option<Credential>, Trouble> {
    match (&record.credential, keys) {
        (IssuedCredential::Certificate { chain, .. }, _) => {
            let chain = Chain::from_pem(chain).map_err(Trouble::credential)?;
            Ok(Some(Credential::Certificate { chain: Box::new(chain), private_key: None }))
        }
        (IssuedCredential::DeviceKey { origin, key_mac }, Some(symmetric)) => {
            let key = symmetric.recall(record.attempt, origin, identity)?;
            let announced = |key: &DeviceKey| symmetric.mac(key) == *key_mac;
            Ok(key.filter(announced).map(Credential::DeviceKey))
        }
        (IssuedCredential::DeviceKey { .. }, None) => Ok(None),
        (IssuedCredential::EndorsementKey(tpm), _) => endorsement_key(tpm).map(Some),
    }
}

fn endorsement_key(tpm: &TpmKey) -> Result<Credential, Trouble> {
    let key = EndorsementKey::from_base64(&tpm.endorsement_key).map_err(Trouble::credential)?;
    Ok(Credential::EndorsementKey(Box::new(key)))
}

impl std::fmt::Display for Attestation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Attestation::X509(x509) => {
                match x509.signs.authority() {
                    Some(label) => write!(f, "X.509, issued by {label}")?,
                    None => f.write_str("X.509, self-signed")?,
                }
                if x509.key == KeyMaker::Device { f.write_str(", with the units' own keys") } else { Ok(()) }
            }
            Attestation::Symmetric(Symmetric { keys: SymmetricKeys::Derived { name, .. }, .. }) => {
                write!(f, "symmetric, derived from {name}")
            }
            Attestation::Tpm(_) => f.write_str("TPM"),
            Attestation::Symmetric(Symmetric { keys: SymmetricKeys::Given(_), .. }) => {
                f.write_str("symmetric, given with the order")
            }
            Attestation::Symmetric(Symmetric { keys: SymmetricKeys::Random { .. }, .. }) => {
                f.write_str("symmetric, made at random for each unit")
            }
        }
    }
}

impl X509 {
    fn issue(&self, mut unit: Asked<'_, '_>, edge: &Edge) -> Result<(Credential, IssuedCredential), Trouble> {
        let (chain, own) = match (&self.signs, self.key) {
            (Signs::Authority { template, .. }, KeyMaker::Device) => {
                let request = unit.request(&self.profile)?;
                (self.chain(self.leaf(template, request.public_key(), &unit, edge)?)?, None)
            }
            (Signs::Itself, KeyMaker::Device) => (self.chain(unit.certificate(&self.profile)?)?, None),
            (Signs::Authority { template, .. }, KeyMaker::Station) => {
                let key = self.new_key()?;
                (self.chain(self.leaf(template, key.public_key(), &unit, edge)?)?, Some(key))
            }
            (Signs::Itself, KeyMaker::Station) => {
                let key = self.new_key()?;
                let subject = Subject::Device(unit.claimed.identity.registration_id.clone());
                let serial = serial(&unit, edge)?;
                let leaf = Issuer::self_signed(&self.profile, &subject, &key, &serial, (edge.now)());
                (self.chain(leaf.map_err(Trouble::credential)?)?, Some(key))
            }
        };
        let leaf = chain.leaf();
        let announced = IssuedCredential::Certificate {
            certificate_serial: leaf.serial().to_string(),
            public_key: hex(&leaf.public_key().fingerprint()),
            chain: chain.to_pem(),
            authority: self.signs.authority().map(str::to_owned),
            key_maker: self.key,
        };
        let private_key = own.map(|key| key.private_key());
        Ok((Credential::Certificate { chain: Box::new(chain), private_key }, announced))
    }

    fn new_key(&self) -> Result<SoftwareSigner, Trouble> {
        SoftwareSigner::generate(self.profile.own_key()).map_err(Trouble::credential)
    }

    fn leaf(
        &self,
        template: &Template,
        key: &PublicKey,
        unit: &Asked<'_, '_>,
        edge: &Edge,
    ) -> Result<Certificate, Trouble> {
        let (id, serial) = (&unit.claimed.identity.registration_id, serial(unit, edge)?);
        let authority = self.signs.authority().unwrap_or_default();
        let der = template.issue_now(id, key, &serial, (edge.now)());
        Certificate::from_der(&der.map_err(|error| Trouble::issuing(error, authority))?)
            .map_err(Trouble::credential)
    }

    fn chain(&self, leaf: Certificate) -> Result<Chain, Trouble> {
        match &self.signs {
            Signs::Authority { intermediates, label, .. } => Chain::new(
                std::iter::once(leaf).chain(intermediates.iter().cloned()).collect(),
            )
            .map_err(|source| Trouble::Station(StationFault::Chain { authority: label.clone(), source })),
            Signs::Itself => Chain::new(vec![leaf]).map_err(Trouble::credential),
        }
    }
}

/// The attempt's number makes it unique.
fn serial(unit: &Asked<'_, '_>, edge: &Edge) -> Result<CertificateSerial, Trouble> {
    let random = (edge.random)().map_err(Trouble::credential)?;
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&random[..8]);
    Ok(CertificateSerial::new(unit.claimed.attempt, nonce))
}

impl Symmetric {
    fn issue(
        &self,
        identity: &Identity,
        attempt: u64,
        edge: &Edge,
    ) -> Result<(Credential, IssuedCredential), Trouble> {
        let (key, origin) = match &self.keys {
            SymmetricKeys::Derived { group_key, name, entry } => {
                let origin = KeyOrigin::Derived { group_key: name.clone(), group_entry: *entry };
                (group_key.derive(&identity.registration_id), origin)
            }
            SymmetricKeys::Given(keys) => (given(keys, identity)?, KeyOrigin::Given),
            SymmetricKeys::Random { vault, key_bytes } => {
                let keys = UnitKeys {
                    primary: random_key(*key_bytes, edge)?,
                    secondary: random_key(*key_bytes, edge)?,
                };
                // Before they are announced: what the ledger names can be had again. The number of an attempt stands
                // in the ledger and comes but once, so nothing can lie there yet.
                let name = SecretName::of_unit_keys(attempt);
                vault.vault().put(&name, &keys.to_secret()).map_err(Trouble::vault)?;
                (keys.primary, KeyOrigin::Random { secondary_mac: self.mac(&keys.secondary) })
            }
        };
        let announced = IssuedCredential::DeviceKey { origin, key_mac: self.mac(&key) };
        Ok((Credential::DeviceKey(key), announced))
    }

    /// The key of an earlier attempt, as far as the line's keys are still where it came from.
    fn recall(
        &self,
        attempt: u64,
        origin: &KeyOrigin,
        identity: &Identity,
    ) -> Result<Option<DeviceKey>, Trouble> {
        match (&self.keys, origin) {
            (SymmetricKeys::Derived { group_key, .. }, KeyOrigin::Derived { .. }) => {
                Ok(Some(group_key.derive(&identity.registration_id)))
            }
            (SymmetricKeys::Given(keys), KeyOrigin::Given) => given(keys, identity).map(Some),
            (SymmetricKeys::Random { vault, .. }, KeyOrigin::Random { secondary_mac }) => {
                let name = SecretName::of_unit_keys(attempt);
                let sealed = match vault.get(&name) {
                    Err(VaultError::Unknown(_)) => return Ok(None),
                    other => other.map_err(Trouble::vault)?,
                };
                let keys = UnitKeys::from_secret(&sealed);
                Ok(keys.filter(|keys| self.mac(&keys.secondary) == *secondary_mac).map(|keys| keys.primary))
            }
            _ => Ok(None),
        }
    }

    fn mac(&self, key: &DeviceKey) -> String {
        hex(&self.ledger_key.mac(key.bytes()))
    }
}

fn given(keys: &HashMap<RegistrationId, DeviceKey>, identity: &Identity) -> Result<DeviceKey, Trouble> {
    let id = &identity.registration_id;
    keys.get(id).cloned().ok_or_else(|| Trouble::Unit {
        reason: format!("the vault holds no key for {id}: restore the vault from its backup"),
        disposition: Disposition::Hold,
    })
}

fn random_key(bytes: usize, edge: &Edge) -> Result<DeviceKey, Trouble> {
    let mut key = Zeroizing::new(Vec::with_capacity(bytes));
    while key.len() < bytes {
        let random = Zeroizing::new((edge.random)().map_err(Trouble::credential)?);
        let wanted = random.len().min(bytes - key.len());
        key.extend_from_slice(&random[..wanted]);
    }
    DeviceKey::from_bytes(key).map_err(Trouble::credential)
}
