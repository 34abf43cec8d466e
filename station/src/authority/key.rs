//! Where an authority's private key lies: in the station's folder, sealed, or in a token.

use std::path::PathBuf;

use certkit::{CertificateSerial, KeyAlgorithm, Signer, SoftwareSigner};

use super::AuthorityError;
use crate::config::StationFolder;
use crate::hsm::{self, NewTokenKey, TokenAddress};
use crate::ledger::LedgerReader;
use crate::ledger::entry::{SecretKind, TokenKey};
use crate::place::{self, Readers};
use crate::vault::{Secret, SecretName, UnlockedVault, Vault, VaultError};

/// Where a new authority's private key is to lie.
#[derive(Debug)]
pub enum KeyPlace {
    /// In the station's folder, under a passphrase that the vault holds.
    Folder,
    /// In a token.
    Token {
        /// Which one.
        token: TokenAddress,
        /// The name of its PIN in the vault.
        pin: SecretName,
        /// The PIN.
        secret: Secret,
    },
}

/// A key that was just made, and is not kept yet.
pub(super) enum NewKey {
    InFolder { signer: Box<SoftwareSigner>, path: PathBuf, name: SecretName },
    InToken { key: Box<NewTokenKey>, pin: SecretName },
}

impl NewKey {
    pub(super) fn make(
        place: &KeyPlace,
        algorithm: KeyAlgorithm,
        label: &str,
        serial: &CertificateSerial,
        folder: &StationFolder,
    ) -> Result<Self, AuthorityError> {
        match place {
            KeyPlace::Folder => Ok(Self::InFolder {
                signer: Box::new(SoftwareSigner::generate(algorithm).map_err(AuthorityError::NewKey)?),
                path: folder.authority_key(label, &serial.to_string()),
                name: SecretName::of_ca_key(&serial.to_string()),
            }),
            KeyPlace::Token { token, pin, secret } => {
                // With the certificate serial in its name: what an interrupted command leaves is no other key's.
                let object = format!("{label}-{serial}");
                let key = NewTokenKey::make(token, secret, algorithm, &object, serial.as_bytes())
                    .map_err(|source| AuthorityError::Hsm { label: label.to_owned(), source })?;
                Ok(Self::InToken { key: Box::new(key), pin: pin.clone() })
            }
        }
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        match self {
            Self::InFolder { signer, .. } => signer.as_ref(),
            Self::InToken { key, .. } => key.signer(),
        }
    }

    /// What the ledger says of it.
    pub(super) fn token_key(&self) -> Option<TokenKey> {
        match self {
            Self::InFolder { .. } => None,
            Self::InToken { key, pin } => Some(TokenKey { uri: key.uri().to_owned(), pin: pin.to_string() }),
        }
    }

    /// Makes it durable. A token has done that itself.
    pub(super) fn keep(&self, vault: &Vault) -> Result<(), AuthorityError> {
        let Self::InFolder { signer, path, name } = self else { return Ok(()) };
        let passphrase = Secret::random_text()?;
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        let sealed = signer.to_encrypted_pem(passphrase.bytes(), salt).map_err(AuthorityError::NewKey)?;
        vault.put(name, &passphrase)?;
        Ok(place::new_file(path, sealed.as_bytes(), Readers::Owner)?)
    }

    /// Removes all of it. What cannot be removed is inert without its ledger entry, and the first error is the one to
    /// report.
    pub(super) fn remove(self, vault: &Vault) {
        match self {
            Self::InFolder { path, name, .. } => {
                let _ = std::fs::remove_file(path);
                let _ = vault.withdraw(&name);
            }
            Self::InToken { key, .. } => {
                let _ = key.destroy();
            }
        }
    }
}

/// The PIN of a token, out of the vault; refused where it was imported as something else.
///
/// # Errors
/// [`AuthorityError::NotPin`], [`AuthorityError::NoPin`], [`AuthorityError::Vault`], [`AuthorityError::Ledger`].
pub fn pin(
    name: &SecretName,
    vault: &UnlockedVault,
    reader: &LedgerReader,
) -> Result<Secret, AuthorityError> {
    match reader.secret_kind(&name.to_string())? {
        Some(SecretKind::Pin) => Ok(vault.get(name)?),
        Some(_) => Err(AuthorityError::NotPin(name.clone())),
        None => Err(AuthorityError::NoPin(name.clone())),
    }
}

/// The signer of a key in the station's folder.
pub(super) fn open_file(
    label: &str,
    serial: &str,
    folder: &StationFolder,
    vault: &UnlockedVault,
) -> Result<Box<dyn Signer>, AuthorityError> {
    let path = folder.authority_key(label, serial);
    let sealed = std::fs::read_to_string(&path).map_err(|source| AuthorityError::KeyFile {
        label: label.to_owned(),
        path: path.clone(),
        source,
    })?;
    let passphrase = vault.get(&SecretName::of_ca_key(serial)).map_err(|error| match error {
        // Nobody can type it: it was made with the key.
        VaultError::Unknown(name) => AuthorityError::Passphrase { label: label.to_owned(), name },
        other => other.into(),
    })?;
    let signer = SoftwareSigner::from_encrypted_pem(&sealed, passphrase.bytes())
        .map_err(|source| AuthorityError::Key { label: label.to_owned(), path, source })?;
    Ok(Box::new(signer))
}

/// The signer of a key in a token.
pub(super) fn open_token(
    label: &str,
    key: &TokenKey,
    vault: &UnlockedVault,
    reader: &LedgerReader,
) -> Result<Box<dyn Signer>, AuthorityError> {
    let name = SecretName::try_from(key.pin.clone()).map_err(AuthorityError::PinName)?;
    let pin = pin(&name, vault, reader)?;
    hsm::open(&key.uri, &pin).map_err(|source| AuthorityError::Hsm { label: label.to_owned(), source })
}
