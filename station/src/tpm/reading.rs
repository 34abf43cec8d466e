//! All that a TPM shows of itself.

use certkit::EndorsementKey;

use super::{KeyOrigin, PrimaryKey, StorageRootKey, Tpm, TpmError, TpmMake};

/// What a TPM shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TpmReading {
    /// Who made it.
    pub make: TpmMake,
    /// The key that it is known by.
    pub endorsement_key: PrimaryKey<EndorsementKey>,
    /// The key under which DPS has it keep what it is given.
    pub storage_root_key: PrimaryKey<StorageRootKey>,
    /// What lies where the endorsement key's certificate belongs. Nothing of it has been checked.
    pub certificate: Option<Vec<u8>>,
}

impl TpmReading {
    /// Reads it. Nothing in the TPM changes.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn of(tpm: &mut Tpm) -> Result<Self, TpmError> {
        let make = tpm.make()?;
        let endorsement_key = tpm.endorsement_key()?;
        let storage_root_key = tpm.storage_root_key()?;
        let certificate = tpm.endorsement_certificate(&endorsement_key.key)?;
        Ok(Self { make, endorsement_key, storage_root_key, certificate })
    }

    /// Whether both keys lie at their handles, where the unit's software finds them.
    pub fn lasts(&self) -> bool {
        let origins = [self.endorsement_key.origin, self.storage_root_key.origin];
        origins.iter().all(|origin| *origin == KeyOrigin::Persistent)
    }
}
