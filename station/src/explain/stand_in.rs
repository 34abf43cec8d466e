//! What stands in for a unit's credential and the vault's secrets, so that a list of what is written needs no unlock.
//! It is made for one list, never shown and never kept.

use certkit::{
    Certificate, CertificateSerial, Chain, ChainError, CommonName, DeviceKey, EndorsementKey,
    EndorsementKeyError, IssueError, Issuer, KeyAlgorithm, Kind, NameError, Profile, ProfileError,
    RegistrationId, Signer, SignerError, SoftwareSigner, Subject, SymmetricKeyError,
};
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ledger::entry::KeyMaker;
use crate::link::{Variable, Variables};
use crate::product::{Product, ProductAttestation};
use crate::unit::{Credential, Random};
use crate::vault::Secret;

/// The authority that stands in for the station's: it signs one certificate, and outlives it.
const AUTHORITY: &str = "kind = \"root\"\nvalidity = \"forever\"\nkeys = [\"p-256\"]\n\
                         key_usage = [\"key-cert-sign\"]\n[subject]\n";
/// A key that is derived from a group's has as many bytes as SHA-256 gives. Of others the length is not shown.
const DERIVED: usize = 32;
/// What stands in for a secret of the vault: every document takes it, also as a number.
const SECRET: &str = "0";

/// Why nothing can stand in for a credential.
#[derive(Debug, Error)]
pub enum StandInError {
    /// No certificate of this profile can be made for the unit.
    #[error("no certificate can be made for the unit")]
    Certificate(#[from] IssueError),
    /// No key.
    #[error("no key can be made")]
    Key(#[from] SignerError),
    /// No symmetric key.
    #[error("no key can be made")]
    Symmetric(#[from] SymmetricKeyError),
    /// No endorsement key.
    #[error("no key can be made")]
    EndorsementKey(#[from] EndorsementKeyError),
    /// No chain.
    #[error("no certificate chain can be made for the unit")]
    Chain(#[from] ChainError),
    /// The authority that stands in cannot be made.
    #[error("no authority can stand in")]
    Profile(#[from] ProfileError),
    /// It has no name.
    #[error("no authority can stand in")]
    Name(#[from] NameError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

/// A credential of the kind that the product's units get. `profile` is the product's, where it has one.
pub(super) fn credential(
    product: &Product,
    profile: Option<&Profile>,
    id: &RegistrationId,
    (now, random): (OffsetDateTime, Random),
) -> Result<Credential, StandInError> {
    let (key, profile) = match (&product.attestation, profile) {
        (
            ProductAttestation::X509Group { key, .. } | ProductAttestation::X509Individual { key, .. },
            Some(profile),
        ) => (key, profile),
        (ProductAttestation::SymmetricIndividual { key_bytes }, _) => {
            return Ok(Credential::DeviceKey(device_key(*key_bytes, random)?));
        }
        (ProductAttestation::Tpm(_), _) => {
            let key = SoftwareSigner::generate(KeyAlgorithm::P256)?;
            let key = EndorsementKey::from_public_key(key.public_key())?;
            return Ok(Credential::EndorsementKey(Box::new(key)));
        }
        _ => return Ok(Credential::DeviceKey(device_key(DERIVED, random)?)),
    };
    let signer = SoftwareSigner::generate(profile.own_key())?;
    let subject = Subject::Device(id.clone());
    let chain = if profile.kind() == Kind::Individual {
        vec![Issuer::self_signed(profile, &subject, &signer, &serial(random)?, now)?]
    } else {
        let authority = authority(now, random)?;
        let leaf = authority.issue(profile, &subject, signer.public_key(), &serial(random)?, now)?;
        vec![leaf, authority.certificate().clone()]
    };
    let private_key = (*key == KeyMaker::Station).then(|| signer.private_key());
    Ok(Credential::Certificate { chain: Box::new(Chain::new(chain)?), private_key })
}

/// The product's own values, and something in the place of its secrets.
pub(super) fn variables(product: &Product) -> Variables {
    let open = product.values.iter().map(|(name, value)| (name.clone(), Variable::open(value)));
    let secret = product.secrets.keys().map(|name| {
        let value = Secret::new(SECRET.as_bytes().to_vec());
        (name.clone(), Variable::secret(value))
    });
    open.chain(secret).collect()
}

/// A key of so many random bytes, 64 at most.
pub(super) fn device_key(bytes: usize, random: Random) -> Result<DeviceKey, StandInError> {
    let mut key = Zeroizing::new(Vec::with_capacity(64));
    key.extend_from_slice(&*Zeroizing::new(random()?));
    key.extend_from_slice(&*Zeroizing::new(random()?));
    key.truncate(bytes);
    Ok(DeviceKey::from_bytes(key)?)
}

fn authority(now: OffsetDateTime, random: Random) -> Result<Issuer, StandInError> {
    let profile = Profile::from_toml(AUTHORITY)?;
    let signer = SoftwareSigner::generate(profile.own_key())?;
    let subject = Subject::Authority(CommonName::parse("stand-in")?);
    let certificate: Certificate = Issuer::self_signed(&profile, &subject, &signer, &serial(random)?, now)?;
    Ok(Issuer::new(certificate, Box::new(signer))?)
}

fn serial(random: Random) -> Result<CertificateSerial, StandInError> {
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&random()?[..8]);
    Ok(CertificateSerial::new(1, nonce))
}
