//! The vault: a folder of age files, one an import.
//!
//! Each is sealed to the vault's recipient, so putting a secret in needs no unlocking. The recipient's identity
//! lies beside them, wrapped by the station's one unlock secret (age's scrypt recipient). Format: age-encryption.org/v1.

mod descriptor;
mod keys_ahead;
mod recipient;
mod secret;
mod unit_keys;
mod unlock;

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use age::{scrypt, x25519};
use thiserror::Error;

use crate::place::{self, PlaceError, Readers};

pub use keys_ahead::KeysAhead;
pub use recipient::{Recipient, RecipientError, seal_for, sealing};
pub use secret::Secret;
pub use unit_keys::UnitKeys;
pub use unlock::{UnlockError, UnlockFrom};

/// scrypt's log2(N) for the wrapped identity: 2^16 costs about a fifth of a second and 64 MiB, once a shift.
const WORK_FACTOR: u8 = 16;
/// What the names of units' own random keys begin with; the attempt's number follows.
const UNIT_KEYS: &str = "unit-keys_";
/// What the names of random keys made without units begin with; a number follows, which the announcing entry says.
const KEYS_AHEAD: &str = "keys-ahead_";
/// The most work that a wrapped identity may ask of us: a file made elsewhere with a stronger factor still opens.
const MAX_WORK_FACTOR: u8 = 22;

/// Why the vault did not do what was asked.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The folder holds no vault.
    #[error("no vault at {path}: `station init` makes one")]
    Missing {
        /// The vault's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The unlock secret is not the one the vault was made with.
    #[error(
        "the unlock secret is wrong, and the vault at {0} stays locked: give the one that `station init` was given"
    )]
    WrongSecret(PathBuf),
    /// A secret of this name is there already.
    #[error(
        "the vault holds a secret `{0}` already, and it is not overwritten: import it under another name, or where it \
         takes the old one's place (a PIN that was changed), move vault/{0}.age away first"
    )]
    Exists(SecretName),
    /// No secret of this name.
    #[error("the vault holds no secret `{0}`: import it with `station keys import {0}`")]
    Unknown(SecretName),
    /// A file of the vault is damaged or foreign.
    #[error("{path} is no readable age file of this vault ({why}): restore it from the station's backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What age said of it.
        why: String,
    },
    /// The vault's folder cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// The vault's folder cannot be written.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// The name of a secret in the vault: a file name, lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

impl SecretName {
    /// The name of the key under which the ledger names device keys.
    pub(crate) fn ledger_key() -> Self {
        Self("ledger-key".to_owned())
    }

    /// The name of the device keys that came with an order. No two orders share it, nor does an imported secret.
    pub(crate) fn of_order_keys(order: &str) -> Self {
        Self(format!("order_{order}"))
    }

    /// The name of a unit's own random keys, by the number of the attempt that issued them.
    pub(crate) fn of_unit_keys(attempt: u64) -> Self {
        Self(format!("{UNIT_KEYS}{attempt}"))
    }

    /// The name of the random keys of one ledger entry that announces credentials without units, by the number that the
    /// entry says.
    pub(crate) fn of_keys_ahead(number: u64) -> Self {
        Self(format!("{KEYS_AHEAD}{number}"))
    }

    /// The name of a CA key's passphrase, by the certificate serial (hex) of the CA.
    pub(crate) fn of_ca_key(certificate_serial: &str) -> Self {
        Self(format!("ca-{certificate_serial}"))
    }
}

/// A secret's name that is not one.
#[derive(Debug, Error)]
#[error(
    "`{0}` is no name for a secret or an authority: use lower-case letters, digits and hyphens, at most 64"
)]
pub struct SecretNameError(String);

impl TryFrom<String> for SecretName {
    type Error = SecretNameError;

    fn try_from(text: String) -> Result<Self, SecretNameError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') {
            Ok(Self(text))
        } else {
            Err(SecretNameError(text))
        }
    }
}

impl std::str::FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        text.to_owned().try_into()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> String {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The vault, locked: secrets can be put in and listed, not read.
#[derive(Debug, Clone)]
pub struct Vault {
    folder: PathBuf,
    recipient: x25519::Recipient,
}

impl Vault {
    /// Makes a vault in a new folder, its identity wrapped by `unlock`, and in it the key under which the ledger names
    /// device keys.
    ///
    /// # Errors
    /// [`VaultError::Place`] where the folder exists already or cannot be written.
    pub fn create(folder: &Path, unlock: &Secret) -> Result<Self, VaultError> {
        place::private_folder(folder)?;
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public();
        let mut wrapper = scrypt::Recipient::new(passphrase(unlock));
        wrapper.set_work_factor(WORK_FACTOR);
        let path = identity_path(folder);
        let wrapped = seal(&wrapper, identity.to_string().expose_secret().as_bytes(), &path)?;
        place::new_file(&path, &wrapped, Readers::Owner)?;
        place::new_file(&recipient_path(folder), format!("{recipient}\n").as_bytes(), Readers::Everyone)?;
        let vault = Self { folder: folder.to_owned(), recipient };
        vault.put(&SecretName::ledger_key(), &Secret::random_text()?)?;
        Ok(vault)
    }

    /// Opens the vault's folder, without unlocking it.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Damaged`].
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let path = recipient_path(folder);
        let text = fs::read_to_string(&path)
            .map_err(|source| VaultError::Missing { path: folder.to_owned(), source })?;
        let recipient =
            text.trim().parse().map_err(|why: &str| VaultError::Damaged { path, why: why.to_owned() })?;
        Ok(Self { folder: folder.to_owned(), recipient })
    }

    /// Seals a secret under a new name. Needs no unlocking.
    ///
    /// # Errors
    /// [`VaultError::Exists`] where the name is taken; [`VaultError::Place`].
    pub fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError> {
        let path = self.path(name);
        let sealed = seal(&self.recipient, secret.bytes(), &path)?;
        place::new_file(&path, &sealed, Readers::Owner).map_err(|error| match error {
            PlaceError::Exists(_) => VaultError::Exists(name.clone()),
            other => other.into(),
        })
    }

    /// Takes back a secret that was put in by a command that then failed.
    ///
    /// # Errors
    /// [`VaultError::Read`] where the file cannot be removed.
    pub fn withdraw(&self, name: &SecretName) -> Result<(), VaultError> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(|source| VaultError::Read { path, source })
    }

    /// Whether a secret of this name is in the vault.
    pub fn holds(&self, name: &SecretName) -> bool {
        self.path(name).is_file()
    }

    /// The attempts whose units' own random keys lie in the vault.
    ///
    /// # Errors
    /// [`VaultError::Read`] where the folder cannot be read.
    pub fn attempts_with_unit_keys(&self) -> Result<Vec<u64>, VaultError> {
        self.numbers(UNIT_KEYS)
    }

    /// The numbers under which random keys made without units lie in the vault.
    ///
    /// # Errors
    /// [`VaultError::Read`] where the folder cannot be read.
    pub fn keys_ahead(&self) -> Result<Vec<u64>, VaultError> {
        self.numbers(KEYS_AHEAD)
    }

    fn numbers(&self, prefix: &str) -> Result<Vec<u64>, VaultError> {
        let unreadable = |source| VaultError::Read { path: self.folder.clone(), source };
        let mut numbers = Vec::new();
        for entry in self.folder.read_dir().map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(".age"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Unlocks the vault for this process.
    ///
    /// # Errors
    /// [`VaultError::WrongSecret`], [`VaultError::Missing`], [`VaultError::Damaged`].
    pub fn unlock(&self, unlock: &Secret) -> Result<UnlockedVault, VaultError> {
        let path = identity_path(&self.folder);
        let wrapped =
            fs::read(&path).map_err(|source| VaultError::Missing { path: self.folder.clone(), source })?;
        let mut wrapper = scrypt::Identity::new(passphrase(unlock));
        wrapper.set_max_work_factor(MAX_WORK_FACTOR);
        let text = unseal(&wrapper, &wrapped).map_err(|error| match error {
            age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
                VaultError::WrongSecret(self.folder.clone())
            }
            other => VaultError::Damaged { path: path.clone(), why: other.to_string() },
        })?;
        let identity = text
            .text()
            .unwrap_or_default()
            .parse()
            .map_err(|why: &str| VaultError::Damaged { path, why: why.to_owned() })?;
        Ok(UnlockedVault { vault: self.clone(), identity })
    }

    fn path(&self, name: &SecretName) -> PathBuf {
        self.folder.join(format!("{name}.age"))
    }
}

/// The vault, unlocked for this process.
#[derive(Clone)]
pub struct UnlockedVault {
    vault: Vault,
    identity: x25519::Identity,
}

impl UnlockedVault {
    /// The vault, to put secrets in.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Reads one secret.
    ///
    /// # Errors
    /// [`VaultError::Unknown`], [`VaultError::Damaged`], [`VaultError::Read`].
    pub fn get(&self, name: &SecretName) -> Result<Secret, VaultError> {
        let path = self.vault.path(name);
        let sealed = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => VaultError::Unknown(name.clone()),
            _ => VaultError::Read { path: path.clone(), source },
        })?;
        unseal(&self.identity, &sealed).map_err(|error| VaultError::Damaged { path, why: error.to_string() })
    }
}

impl fmt::Debug for UnlockedVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnlockedVault").field("folder", &self.vault.folder).finish_non_exhaustive()
    }
}

fn identity_path(folder: &Path) -> PathBuf {
    folder.join("vault-identity")
}

fn recipient_path(folder: &Path) -> PathBuf {
    folder.join("vault-recipient")
}

fn passphrase(unlock: &Secret) -> SecretString {
    match unlock.text() {
        Some(text) => text.to_owned().into(),
        // age takes text; bytes that are none are taken as their lossless Latin-1 reading, the same each time.
        None => unlock.bytes().iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

fn seal(to: &dyn age::Recipient, secret: &[u8], path: &Path) -> Result<Vec<u8>, VaultError> {
    let sealed = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let mut sealed = Vec::new();
        let mut writer = age::Encryptor::with_recipients(std::iter::once(to))?.wrap_output(&mut sealed)?;
        writer.write_all(secret)?;
        writer.finish()?;
        Ok(sealed)
    };
    sealed().map_err(|error| VaultError::Damaged { path: path.to_owned(), why: error.to_string() })
}

fn unseal(with: &dyn age::Identity, sealed: &[u8]) -> Result<Secret, age::DecryptError> {
    let mut reader = age::Decryptor::new(sealed)?.decrypt(std::iter::once(with))?;
    // Room for the whole plain text from the start, so that growing leaves no copy behind unwiped.
    let mut plain = Vec::with_capacity(sealed.len());
    reader.read_to_end(&mut plain).map_err(age::DecryptError::Io)?;
    Ok(Secret::new(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn what_goes_in_comes_out_after_unlocking() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(&folder.path().join("vault"), &secret("öffne dich")).unwrap();
        let name: SecretName = "console".parse().unwrap();
        vault.put(&name, &secret("rehearsal")).unwrap();
        assert!(matches!(vault.put(&name, &secret("other")), Err(VaultError::Exists(_))));
        let again = Vault::open(&folder.path().join("vault")).unwrap();
        assert!(matches!(again.unlock(&secret("wrong")), Err(VaultError::WrongSecret(_))));
        let open = again.unlock(&secret("öffne dich")).unwrap();
        assert_eq!(open.get(&name).unwrap(), secret("rehearsal"));
        assert!(matches!(open.get(&"none".parse().unwrap()), Err(VaultError::Unknown(_))));
    }

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        for name in ["", "../x", "A", "a/b", "-x", "a.b"] {
            assert!(name.parse::<SecretName>().is_err(), "{name}");
        }
    }
}
