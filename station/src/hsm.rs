//! CA keys in a token: an HSM, spoken to through the PKCS#11 module of its maker. A program that was built without the
//! feature `pkcs11` refuses them.

#[cfg(not(feature = "pkcs11"))]
mod absent;
#[cfg(feature = "pkcs11")]
mod token;

#[cfg(not(feature = "pkcs11"))]
pub use absent::{HsmError, NewTokenKey, TokenAddress, open};
#[cfg(feature = "pkcs11")]
pub use token::{HsmError, NewTokenKey, TokenAddress, open};
