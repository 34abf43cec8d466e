//! Random keys on their way out of the vault: a unit's own file, or one of many identities that were handed over
//! without units.

use std::collections::BTreeSet;

use certkit::{DeviceKey, RegistrationId};
use zeroize::Zeroizing;

use super::DeliveryError;
use crate::ledger::entry::{IssuedCredential, KeyOrigin, hex};
use crate::ledger::{CredentialRecord, IdentityRecord, IdentityState, LedgerReader};
use crate::manifest::KeyText;
use crate::vault::{KeysAhead, Secret, SecretName, UnitKeys, UnlockedVault, VaultError};

/// Takes keys out of the vault, and remembers whose it could not.
pub(super) struct Keys<'a> {
    vault: &'a UnlockedVault,
    ledger: &'a LedgerReader,
    arrived: &'a BTreeSet<u64>,
    ledger_key: DeviceKey,
    /// The last file of many that was opened, by its entry: identities that follow each other share it.
    opened: Option<(u64, Found<KeysAhead>)>,
    found: BTreeSet<u64>,
    withdrawn: Vec<RegistrationId>,
    missing: Vec<RegistrationId>,
    other: Vec<RegistrationId>,
}

/// What the vault had.
enum Found<T> {
    Keys(T),
    Nothing,
    SomethingElse,
}

impl<T> Found<T> {
    fn of(keys: Option<T>) -> Self {
        keys.map_or(Self::SomethingElse, Self::Keys)
    }
}

impl<'a> Keys<'a> {
    pub(super) fn new(
        vault: &'a UnlockedVault,
        ledger: &'a LedgerReader,
        arrived: &'a BTreeSet<u64>,
    ) -> Result<Self, DeliveryError> {
        let name = SecretName::ledger_key();
        let ledger_key = DeviceKey::parse(vault.get(&name)?.text().unwrap_or_default())
            .map_err(|source| DeliveryError::LedgerKey(name, source))?;
        let (withdrawn, missing, other) = (Vec::new(), Vec::new(), Vec::new());
        let (opened, found) = (None, BTreeSet::new());
        Ok(Self { vault, ledger, arrived, ledger_key, opened, found, withdrawn, missing, other })
    }

    /// An identity's two keys; empty texts where they are not to be had, which [`Keys::found`] then reports for all at
    /// once.
    pub(super) fn of(&mut self, record: &IdentityRecord) -> Result<[KeyText; 2], DeliveryError> {
        let nothing = || [(); 2].map(|()| KeyText::new(Zeroizing::default()));
        let Some(credential) = &record.credential else { return Ok(nothing()) };
        let id = &record.identity.registration_id;
        // Once a delivery has arrived its keys are gone, even where an interruption left some of them behind.
        if self.arrived.contains(&credential.attempt) {
            self.withdrawn.push(id.clone());
            return Ok(nothing());
        }
        let found = match record.state {
            IdentityState::CheckedOut => self.of_handed_over(id, credential)?,
            _ => self.of_unit(credential)?,
        };
        match found {
            Found::Keys(texts) => {
                self.found.insert(credential.attempt);
                return Ok(texts.map(KeyText::new));
            }
            Found::Nothing => self.missing.push(id.clone()),
            Found::SomethingElse => self.other.push(id.clone()),
        }
        Ok(nothing())
    }

    fn of_unit(&self, credential: &CredentialRecord) -> Result<Found<[Zeroizing<String>; 2]>, DeliveryError> {
        let Some(secret) = self.sealed(&SecretName::of_unit_keys(credential.attempt))? else {
            return Ok(Found::Nothing);
        };
        let keys = UnitKeys::from_secret(&secret).filter(|keys| self.announced(keys, credential));
        Ok(Found::of(keys.map(|keys| keys.to_base64())))
    }

    fn of_handed_over(
        &mut self,
        id: &RegistrationId,
        credential: &CredentialRecord,
    ) -> Result<Found<[Zeroizing<String>; 2]>, DeliveryError> {
        let entry = credential.attempt;
        if self.opened.as_ref().is_none_or(|(of, _)| *of != entry) {
            self.opened = Some((entry, self.open(entry)?));
        }
        Ok(match &self.opened {
            Some((_, Found::Keys(all))) => {
                let keys = all.of(id).filter(|keys| self.announced(keys, credential));
                Found::of(keys.map(UnitKeys::to_base64))
            }
            Some((_, Found::SomethingElse)) => Found::SomethingElse,
            Some((_, Found::Nothing)) | None => Found::Nothing,
        })
    }

    /// The keys that an entry announced.
    fn open(&self, entry: u64) -> Result<Found<KeysAhead>, DeliveryError> {
        let Some((number, _)) = self.ledger.keys_ahead(entry)? else { return Ok(Found::Nothing) };
        let secret = self.sealed(&SecretName::of_keys_ahead(number))?;
        Ok(secret.map_or(Found::Nothing, |secret| Found::of(KeysAhead::from_secret(&secret))))
    }

    fn sealed(&self, name: &SecretName) -> Result<Option<Secret>, DeliveryError> {
        match self.vault.get(name) {
            Ok(secret) => Ok(Some(secret)),
            Err(VaultError::Unknown(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn announced(&self, keys: &UnitKeys, credential: &CredentialRecord) -> bool {
        match &credential.credential {
            IssuedCredential::DeviceKey { key_mac, origin: KeyOrigin::Random { secondary_mac } } => {
                self.mac(&keys.primary) == *key_mac && self.mac(&keys.secondary) == *secondary_mac
            }
            _ => false,
        }
    }

    fn mac(&self, key: &DeviceKey) -> String {
        hex(&self.ledger_key.mac(key.bytes()))
    }

    /// The attempts, or entries, whose keys were found, if that is all of them.
    pub(super) fn found(self) -> Result<Vec<u64>, DeliveryError> {
        for (ids, error) in [
            (self.withdrawn, DeliveryError::Withdrawn as fn(_) -> _),
            (self.missing, DeliveryError::Missing),
            (self.other, DeliveryError::Other),
        ] {
            if !ids.is_empty() {
                return Err(error(ids));
            }
        }
        Ok(self.found.into_iter().collect())
    }
}
