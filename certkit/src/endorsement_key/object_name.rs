//! The name of an object in a TPM.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-1, SHA-256, SHA-384 and SHA-512 (TCG Algorithm Registry), with the octets of their digests.
const HASHES: [(u16, usize); 4] = [(0x0004, 20), (SHA256, 32), (0x000c, 48), (0x000d, 64)];
pub(super) const SHA256: u16 = 0x000b;

/// The name of an object in a TPM: an algorithm's identifier, and its digest of the object's public area (TPM 2.0
/// Library, part 1, §16). `Display` is lower-case hex, as tpm2-tools show and take it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TpmObjectName(Vec<u8>);

/// Bytes that are no object's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{length} bytes are no name of an object in a TPM: give the identifier of its hash, then that hash of its public area"
)]
pub struct TpmObjectNameError {
    /// How many bytes there are.
    length: usize,
}

impl TpmObjectName {
    /// Takes a name as a TPM gives it.
    ///
    /// # Errors
    /// [`TpmObjectNameError`] where the digest has not the length of its algorithm, or the algorithm is not known.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TpmObjectNameError> {
        let known = HASHES
            .iter()
            .any(|(id, octets)| bytes.starts_with(&id.to_be_bytes()) && bytes.len() == 2 + octets);
        if known { Ok(Self(bytes.to_vec())) } else { Err(TpmObjectNameError { length: bytes.len() }) }
    }

    /// Of a public area (TPMT_PUBLIC, without its size) whose nameAlg is SHA-256.
    pub(super) fn of_public_area(area: &[u8]) -> Self {
        Self([&SHA256.to_be_bytes()[..], &Sha256::digest(area)].concat())
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TpmObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TpmObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TpmObjectName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_length_of_its_hash() {
        for (start, length, good) in
            [([0, 0x0b], 34, true), ([0, 0x04], 22, true), ([0, 0x0d], 66, true), ([0, 0x0b], 33, false)]
        {
            let bytes = [&start[..], &vec![7; length - 2]].concat();
            assert_eq!(TpmObjectName::from_bytes(&bytes).is_ok(), good, "{start:?} {length}");
        }
        let error = TpmObjectName::from_bytes(&[0x0b, 0]).expect_err("refused");
        assert!(error.to_string().starts_with("2 bytes are no name"), "{error}");
        assert!(TpmObjectName::from_bytes(&[]).is_err());
    }
}
