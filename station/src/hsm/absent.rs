//! Without the feature `pkcs11`: keys in tokens are refused.

use std::convert::Infallible;
use std::str::FromStr;

use certkit::{KeyAlgorithm, Signer};
use thiserror::Error;

use crate::vault::Secret;

/// Keys in tokens are not known to this program.
#[derive(Debug, Error)]
#[error(
    "this program was built without PKCS#11 and cannot use keys in tokens: build it with the feature `pkcs11`"
)]
pub struct HsmError;

impl HsmError {
    /// Never: another program is wanted.
    pub fn is_stations_fault(&self) -> bool {
        false
    }
}

/// A token: there is none here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAddress(Infallible);

impl FromStr for TokenAddress {
    type Err = HsmError;

    fn from_str(_: &str) -> Result<Self, HsmError> {
        Err(HsmError)
    }
}

/// A key in a token: there is none here.
#[derive(Debug)]
pub struct NewTokenKey(Infallible);

impl NewTokenKey {
    /// Never called: there is no address to call it with.
    ///
    /// # Errors
    /// [`HsmError`].
    pub fn make(
        address: &TokenAddress,
        _: &Secret,
        _: KeyAlgorithm,
        _: &str,
        _: &[u8],
    ) -> Result<Self, HsmError> {
        match address.0 {}
    }

    /// Signs with it.
    pub fn signer(&self) -> &dyn Signer {
        match self.0 {}
    }

    /// Where it lies.
    pub fn uri(&self) -> &str {
        match self.0 {}
    }

    /// Destroys it.
    ///
    /// # Errors
    /// [`HsmError`].
    pub fn destroy(self) -> Result<(), HsmError> {
        match self.0 {}
    }
}

/// Refuses the key that a URI names.
///
/// # Errors
/// [`HsmError`].
pub fn open(_: &str, _: &Secret) -> Result<Box<dyn Signer>, HsmError> {
    Err(HsmError)
}
