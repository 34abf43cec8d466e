//! The proof that a TPM holds the endorsement key that it shows.

use certkit::EndorsementKey;

use super::{Tpm, TpmError};

/// Seals the nonce to the endorsement key and has the TPM open it: only the holder of the key's private part can. The
/// nonce is random, and used once.
///
/// # Errors
/// [`TpmError::NotHeld`] where something else comes back; [`TpmError`].
pub fn challenge(tpm: &mut Tpm, key: &EndorsementKey, nonce: &[u8; 32]) -> Result<(), TpmError> {
    let object = tpm.activation_object()?;
    let credential = key.make_credential(&object, nonce).map_err(TpmError::Challenge)?;
    let opened = tpm.activate(&credential)?;
    if opened.bytes() == nonce { Ok(()) } else { Err(TpmError::NotHeld) }
}
