//! The station's own certificate authorities: made once, their keys sealed by a passphrase that the vault holds, or inside
//! a token.

mod key;
mod possession;
mod revocation;
mod succession;

use std::path::PathBuf;

use certkit::{
    Certificate, CertificateSerial, CertificateSerialError, Chain, ChainError, CommonName, IssueError,
    Issuer, KeyAlgorithm, Profile, Signer, SignerError, Subject,
};
use thiserror::Error;
use time::OffsetDateTime;

use crate::config::StationFolder;
use crate::hsm::HsmError;
use crate::ledger::entry::{Fact, hex};
use crate::ledger::{AuthorityRecord, Ledger, LedgerError, LedgerReader, RollOverState};
use crate::place::PlaceError;
use crate::vault::{SecretName, SecretNameError, UnlockedVault, Vault, VaultError};

use key::NewKey;
pub use key::{KeyPlace, pin};
pub use possession::prove_possession;
pub use revocation::{SignedList, revocation_list};
pub use succession::refuse_retired;

/// Why an authority could not be made or loaded.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// No authority has this label.
    #[error(
        "the station has no authority `{0}`: `station ca show` lists them, `station ca root` and `station ca intermediate` make them"
    )]
    Unknown(String),
    /// The label is taken.
    #[error("the station has an authority `{0}` already: give this one another label")]
    Exists(String),
    /// The private key's file cannot be read.
    #[error(
        "cannot read the key of authority `{label}` at {path}: restore the file from the station's backup"
    )]
    KeyFile {
        /// The authority.
        label: String,
        /// Its key's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The vault does not have the passphrase of the private key.
    #[error(
        "the vault has no passphrase for the key of authority `{label}`: restore {name}.age from the station's backup"
    )]
    Passphrase {
        /// The authority.
        label: String,
        /// The passphrase's name in the vault.
        name: SecretName,
    },
    /// The private key's file cannot be opened, or holds another key.
    #[error(
        "the key of authority `{label}` at {path} is not usable: restore it and its passphrase from the station's backup"
    )]
    Key {
        /// The authority.
        label: String,
        /// Its key's file.
        path: PathBuf,
        /// Why.
        source: SignerError,
    },
    /// The certificate cannot be issued.
    #[error("authority `{label}` cannot be used")]
    Issue {
        /// The authority.
        label: String,
        /// Why.
        source: Box<IssueError>,
    },
    /// A certificate in the ledger cannot be read.
    #[error("the certificate of authority `{0}` in the ledger cannot be read: run `station ledger verify`")]
    Certificate(String, #[source] certkit::CertificateError),
    /// The certificates in the ledger make no chain.
    #[error("the authorities do not make a chain")]
    Chain(#[source] ChainError),
    /// It, or one that it hangs on, was retired.
    #[error(
        "authority `{label}`{} was retired ({reason}), and nothing is issued from it any more: use its successor \
         `{successor}`; for units, say issuing_authority = \"{successor}\" in station.toml",
        above(label, retired)
    )]
    Retired {
        /// The authority that was to issue.
        label: String,
        /// The one that was retired: the same, or one above it.
        retired: String,
        /// Why.
        reason: RollOverState,
        /// What took its place.
        successor: String,
    },
    /// A time in the ledger cannot be read.
    #[error("the ledger's time `{0}` cannot be read: run `station ledger verify`")]
    Time(String, #[source] time::error::Parse),
    /// A certificate serial in the ledger cannot be read.
    #[error("the ledger's certificate serial `{0}` cannot be read: run `station ledger verify`")]
    Serial(String, #[source] CertificateSerialError),
    /// The key in a token cannot be made or used.
    #[error("the key of authority `{label}` in its token cannot be made or used")]
    Hsm {
        /// The authority.
        label: String,
        /// Why.
        source: HsmError,
    },
    /// The vault does not have the PIN.
    #[error("the vault holds no PIN `{0}`: import it with `station keys import {0} --kind pin`")]
    NoPin(SecretName),
    /// The secret is no PIN.
    #[error(
        "the vault's `{0}` was imported as something else than a PIN: import the token's PIN under another name, with `station keys import NAME --kind pin`"
    )]
    NotPin(SecretName),
    /// The ledger names a PIN by what is no name.
    #[error("the ledger names the PIN of an authority's token wrongly: run `station ledger verify`")]
    PinName(#[source] SecretNameError),
    /// No new key could be made.
    #[error("no key could be made")]
    NewKey(#[source] SignerError),
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The disk.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn above(label: &str, retired: &str) -> String {
    if label == retired { String::new() } else { format!(" hangs on `{retired}`, which") }
}

/// The role that an authority plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Self-signed.
    Root,
    /// Signed by another authority of the station.
    Intermediate,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Intermediate => "intermediate",
        }
    }
}

/// An authority that is ready to sign, with what stands between a leaf and the root.
#[derive(Debug)]
pub struct Authority {
    /// Signs.
    pub issuer: Issuer,
    /// The issuer's certificate and those above it, issuer first, without the root (alone where it is the root).
    pub intermediates: Vec<Certificate>,
}

/// What a new authority is to be.
#[derive(Debug)]
pub struct NewAuthority<'a> {
    /// The station's name for it.
    pub label: SecretName,
    /// Its subject's common name.
    pub common_name: CommonName,
    /// Root or intermediate.
    pub role: Role,
    /// Who signs it; none for a root.
    pub issuer: Option<(&'a str, &'a Authority)>,
    /// What its certificate contains.
    pub profile: &'a Profile,
    /// What kind of key it gets.
    pub key_algorithm: KeyAlgorithm,
    /// Where its key lies.
    pub key: KeyPlace,
}

/// Makes an authority: key, certificate, sealed key file, ledger entry.
///
/// The passphrase is in the vault and the key on disk, or in its token, before the ledger names the authority; their names carry the
/// certificate serial, so whatever an interruption leaves behind is never taken for another key.
///
/// # Errors
/// [`AuthorityError`]; nothing of the authority is then left.
pub fn create(
    new: &NewAuthority<'_>,
    folder: &StationFolder,
    vault: &Vault,
    ledger: &Ledger,
    reader: &LedgerReader,
    now: OffsetDateTime,
) -> Result<Certificate, AuthorityError> {
    let label = new.label.to_string();
    if reader.authority(&label)?.is_some() {
        return Err(AuthorityError::Exists(label));
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let serial = CertificateSerial::new(reader.count_entries()? + 1, random);
    let key = NewKey::make(&new.key, new.key_algorithm, &label, &serial, folder)?;
    let made = certify(new, key.signer(), &serial, now).and_then(|certificate| {
        key.keep(vault)?;
        let fact = Fact::AuthorityCreated {
            label: label.clone(),
            role: new.role.name().to_owned(),
            issuer: new.issuer.map(|(label, _)| label.to_owned()),
            certificate_serial: serial.to_string(),
            public_key: hex(&certificate.public_key().fingerprint()),
            certificate: certificate.to_pem(),
            token_key: key.token_key(),
        };
        ledger.append(now, vec![fact])?;
        Ok(certificate)
    });
    if made.is_err() {
        key.remove(vault);
    }
    made
}

/// The certificate, checked: a token that signs badly must not end in an authority.
fn certify(
    new: &NewAuthority<'_>,
    signer: &dyn Signer,
    serial: &CertificateSerial,
    now: OffsetDateTime,
) -> Result<Certificate, AuthorityError> {
    let subject = Subject::Authority(new.common_name.clone());
    let certificate = match new.issuer {
        None => Issuer::self_signed(new.profile, &subject, signer, serial, now),
        Some((_, by)) => by.issuer.issue(new.profile, &subject, signer.public_key(), serial, now),
    };
    let certificate = certificate
        .map_err(|source| AuthorityError::Issue { label: new.label.to_string(), source: Box::new(source) })?;
    if let Some((_, by)) = new.issuer {
        let chain = std::iter::once(certificate.clone()).chain(by.intermediates.iter().cloned());
        Chain::new(chain.collect()).map_err(AuthorityError::Chain)?;
    }
    Ok(certificate)
}

/// Loads an authority, its key checked against its certificate, ready to sign. One that was retired, or hangs on one
/// that was, is refused.
///
/// # Errors
/// [`AuthorityError`].
pub fn load(
    label: &str,
    folder: &StationFolder,
    vault: &UnlockedVault,
    reader: &LedgerReader,
) -> Result<Authority, AuthorityError> {
    refuse_retired(label, reader)?;
    load_retired_too(label, folder, vault, reader)
}

/// As [`load`], for what a retired authority still has to sign: the list of what it takes back.
///
/// # Errors
/// [`AuthorityError`].
pub fn load_retired_too(
    label: &str,
    folder: &StationFolder,
    vault: &UnlockedVault,
    reader: &LedgerReader,
) -> Result<Authority, AuthorityError> {
    let record = reader.authority(label)?.ok_or_else(|| AuthorityError::Unknown(label.to_owned()))?;
    let certificate = certificate_of(&record)?;
    let serial = certificate.serial().to_string();
    let signer = match &record.token_key {
        None => key::open_file(label, &serial, folder, vault)?,
        Some(token_key) => key::open_token(label, token_key, vault, reader)?,
    };
    let issuer = Issuer::new(certificate, signer)
        .map_err(|source| AuthorityError::Issue { label: label.to_owned(), source: Box::new(source) })?;
    Ok(Authority { issuer, intermediates: chain_above(&record, reader)? })
}

/// The certificates that go with a leaf of this authority, issuer first: all but the root, which the service has.
/// Under a root that issues itself, the root alone.
///
/// # Errors
/// [`AuthorityError`] where the ledger's certificates make no chain.
pub fn chain_above(
    record: &AuthorityRecord,
    reader: &LedgerReader,
) -> Result<Vec<Certificate>, AuthorityError> {
    let mut chain = vec![certificate_of(record)?];
    let mut current = record.clone();
    while let Some(issuer) = current.issuer.clone() {
        current = reader.authority(&issuer)?.ok_or(AuthorityError::Unknown(issuer))?;
        chain.push(certificate_of(&current)?);
    }
    Chain::new(chain.clone()).map_err(AuthorityError::Chain)?;
    if chain.len() > 1 {
        chain.pop();
    }
    Ok(chain)
}

/// The certificate of an authority as the ledger holds it.
///
/// # Errors
/// [`AuthorityError::Certificate`].
pub fn certificate_of(record: &AuthorityRecord) -> Result<Certificate, AuthorityError> {
    Certificate::from_pem(&record.certificate)
        .map_err(|source| AuthorityError::Certificate(record.label.clone(), source))
}
