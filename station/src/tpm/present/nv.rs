//! What the maker left in a TPM's non-volatile memory.

use certkit::EndorsementKey;
use tss_esapi::constants::PropertyTag;
use tss_esapi::handles::{NvIndexTpmHandle, ObjectHandle};
use tss_esapi::interface_types::resource_handles::NvAuth;

use super::refusal::{Act, from_answer};
use super::{Hierarchy, Tpm, TpmError};

/// Of the RSA-2048 key and of the P-256 key (TCG EK Credential Profile, §2.2.1.4).
const RSA_CERTIFICATE: u32 = 0x01c0_0002;
const CURVE_CERTIFICATE: u32 = 0x01c0_000a;
/// What all TPMs take in one command.
const SMALL: u32 = 512;
/// The most that this library takes.
const LARGE: u32 = 2048;

impl Tpm {
    /// The certificate that the maker left for the endorsement key, as it lies there; none where there is none.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement_certificate(&mut self, key: &EndorsementKey) -> Result<Option<Vec<u8>>, TpmError> {
        let index = if key.public_key().algorithm().is_rsa() { RSA_CERTIFICATE } else { CURVE_CERTIFICATE };
        self.nv(index)
    }

    /// An index, whole; none where it is not there, or was never written.
    pub(super) fn nv(&mut self, index: u32) -> Result<Option<Vec<u8>>, TpmError> {
        if !self.has(index)? {
            return Ok(None);
        }
        let act = Act::plain("reading what its maker left in it");
        let refused = |error| from_answer(error, act);
        let handle = NvIndexTpmHandle::new(index).map_err(refused)?;
        let mut object = self.context.tr_from_tpm_public(handle.into()).map_err(refused)?;
        let (public, _) = self.context.nv_read_public(object.into()).map_err(refused)?;
        let attributes = public.attributes();
        let contents = if attributes.written() {
            let by_owner = attributes.owner_read() && !attributes.auth_read();
            self.nv_contents(object, public.data_size(), by_owner).map(Some)?
        } else {
            None
        };
        self.context.tr_close(&mut object).map_err(refused)?;
        Ok(contents)
    }

    fn nv_contents(
        &mut self,
        object: ObjectHandle,
        size: usize,
        by_owner: bool,
    ) -> Result<Vec<u8>, TpmError> {
        let (act, auth) = if by_owner {
            (Act::of(Hierarchy::Owner, "reading what its maker left in it"), NvAuth::Owner)
        } else {
            (Act::plain("reading what its maker left in it"), NvAuth::NvIndex(object.into()))
        };
        let most = self.property(PropertyTag::NvBufferMax)?;
        let chunk = if most == 0 { SMALL } else { most.min(LARGE) } as usize;
        self.in_session(act, |context| {
            let mut contents = Vec::with_capacity(size);
            while contents.len() < size {
                // Both fit: an index has at most 65,535 bytes.
                let length = u16::try_from(chunk.min(size - contents.len())).unwrap_or(u16::MAX);
                let offset = u16::try_from(contents.len()).unwrap_or(u16::MAX);
                let read = context.nv_read(auth, object.into(), length, offset)?;
                if read.value().is_empty() {
                    return Err(super::refusal::nothing());
                }
                contents.extend_from_slice(read.value());
            }
            Ok(contents)
        })
    }
}
