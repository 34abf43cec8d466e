//! Without the feature `tpm`: no TPM is reached.

use std::convert::Infallible;

use certkit::{EndorsementKey, TpmCredential, TpmObjectName};

use super::{HierarchyAuths, PrimaryKey, StorageRootKey, Tcti, TpmError, TpmMake};
use crate::vault::Secret;

/// There is no library: whoever needs TPMs learns it here, before anything else is asked of a person.
///
/// # Errors
/// [`TpmError::NotBuilt`].
pub fn without_library_log() -> Result<(), TpmError> {
    Err(TpmError::NotBuilt)
}

/// A TPM: there is none here.
#[derive(Debug)]
pub struct Tpm(Infallible);

impl Tpm {
    /// Says what is missing.
    ///
    /// # Errors
    /// [`TpmError::NotBuilt`].
    pub fn open(_: &Tcti, _: &HierarchyAuths) -> Result<Self, TpmError> {
        Err(TpmError::NotBuilt)
    }

    /// Who made it.
    ///
    /// # Errors
    /// None.
    pub fn make(&mut self) -> Result<TpmMake, TpmError> {
        match self.0 {}
    }

    /// Its endorsement key.
    ///
    /// # Errors
    /// None.
    pub fn endorsement_key(&mut self) -> Result<PrimaryKey<EndorsementKey>, TpmError> {
        match self.0 {}
    }

    /// Its storage root key.
    ///
    /// # Errors
    /// None.
    pub fn storage_root_key(&mut self) -> Result<PrimaryKey<StorageRootKey>, TpmError> {
        match self.0 {}
    }

    /// Keeps its keys.
    ///
    /// # Errors
    /// None.
    pub fn keep_keys(&mut self) -> Result<(), TpmError> {
        match self.0 {}
    }

    /// Its endorsement key's certificate.
    ///
    /// # Errors
    /// None.
    pub fn endorsement_certificate(&mut self, _: &EndorsementKey) -> Result<Option<Vec<u8>>, TpmError> {
        match self.0 {}
    }

    /// The object that a credential names.
    ///
    /// # Errors
    /// None.
    pub fn activation_object(&mut self) -> Result<TpmObjectName, TpmError> {
        match self.0 {}
    }

    /// Opens a credential.
    ///
    /// # Errors
    /// None.
    pub fn activate(&mut self, _: &TpmCredential) -> Result<Secret, TpmError> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_is_missing_and_how_to_get_it() {
        let tcti = "device:/dev/tpmrm0".parse().unwrap();
        let error = Tpm::open(&tcti, &HierarchyAuths::default()).unwrap_err().to_string();
        for part in ["built without TPMs", "apt install libtss2-dev", "--features tpm"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains('\n'));
    }
}
