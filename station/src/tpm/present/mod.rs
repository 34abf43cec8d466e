//! A TPM, reached through tpm2-tss.
//!
//! TPMs without a resource manager have three slots for objects, so nothing may be left in them. The library's context
//! is the guard: it flushes what was loaded, sessions too, when it is dropped, whatever happened before. At most two
//! objects are loaded at a time.

mod activation;
mod keys;
mod log;
mod nv;
mod refusal;

use std::fmt;

use certkit::{EndorsementKey, TpmObjectName};
use tss_esapi::Context;
use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::{CapabilityType, PropertyTag, SessionType};
use tss_esapi::handles::{KeyHandle, ObjectHandle, SessionHandle};
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{Auth, CapabilityData, SymmetricDefinition};
use tss_esapi::tcti_ldr::TctiNameConf;

use super::{Hierarchy, HierarchyAuths, KeyOrigin, Tcti, TpmError, TpmMake};
use crate::vault::Secret;
pub use log::without_library_log;
use refusal::{Act, from_answer};

/// inLockout of TPMA_PERMANENT (TPM 2.0 Library, part 2, §8.6).
const IN_LOCKOUT: u32 = 1 << 9;

/// A TPM, open. What was loaded into it goes when this is dropped; persistent keys stay.
pub struct Tpm {
    context: Context,
    endorsement_key: Option<Loaded<EndorsementKey>>,
    storage_root_key: Option<Loaded<Vec<u8>>>,
}

/// A key that can be used, with its handle.
#[derive(Clone)]
struct Loaded<K> {
    key: K,
    origin: KeyOrigin,
    handle: KeyHandle,
}

impl Tpm {
    /// Opens it, and says hello: a TPM that is there and not ready is found here.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn open(tcti: &Tcti, auths: &HierarchyAuths) -> Result<Self, TpmError> {
        // The library tells no more of it than a number.
        let absent = |_| TpmError::Absent { tcti: tcti.clone() };
        let name = tcti.to_string().parse::<TctiNameConf>().map_err(absent)?;
        let context = Context::new(name).map_err(absent)?;
        let mut tpm = Self { context, endorsement_key: None, storage_root_key: None };
        // Some ways to a TPM open where there is none.
        tpm.property(PropertyTag::Manufacturer).map_err(|error| match error {
            TpmError::Gone { .. } => TpmError::Absent { tcti: tcti.clone() },
            error => error,
        })?;
        tpm.authorise(Hierarchy::Endorsement, ObjectHandle::Endorsement, auths.endorsement.as_ref())?;
        tpm.authorise(Hierarchy::Owner, ObjectHandle::Owner, auths.owner.as_ref())?;
        Ok(tpm)
    }

    fn authorise(
        &mut self,
        hierarchy: Hierarchy,
        handle: ObjectHandle,
        auth: Option<&Secret>,
    ) -> Result<(), TpmError> {
        let Some(auth) = auth else { return Ok(()) };
        let too_long = |_| TpmError::AuthLength { hierarchy, bytes: auth.bytes().len() };
        let auth = Auth::try_from(auth.bytes()).map_err(too_long)?;
        let act = Act::plain("taking the hierarchy's authorisation");
        self.context.tr_set_auth(handle, auth).map_err(|error| from_answer(error, act))
    }

    /// Who made it, by its own word.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn make(&mut self) -> Result<TpmMake, TpmError> {
        let manufacturer = text(&[self.property(PropertyTag::Manufacturer)?]);
        let model = [
            self.property(PropertyTag::VendorString1)?,
            self.property(PropertyTag::VendorString2)?,
            self.property(PropertyTag::VendorString3)?,
            self.property(PropertyTag::VendorString4)?,
        ];
        let halves = |number: u32| format!("{}.{}", number >> 16, number & 0xffff);
        let firmware = [
            halves(self.property(PropertyTag::FirmwareVersion1)?),
            halves(self.property(PropertyTag::FirmwareVersion2)?),
        ];
        let locked_out = self.property(PropertyTag::Permanent)? & IN_LOCKOUT != 0;
        Ok(TpmMake { manufacturer, model: text(&model), firmware: firmware.join("."), locked_out })
    }

    fn property(&mut self, property: PropertyTag) -> Result<u32, TpmError> {
        let act = Act::plain("reading its properties");
        let found = self.context.get_tpm_property(property).map_err(|error| from_answer(error, act))?;
        Ok(found.unwrap_or_default())
    }

    /// Whether something lies at this handle. Asked for by name, a handle without an object is an error that the library
    /// shows on standard error.
    fn has(&mut self, handle: u32) -> Result<bool, TpmError> {
        let act = Act::plain("listing its handles");
        let listed = self.context.get_capability(CapabilityType::Handles, handle, 1);
        let (listed, _) = listed.map_err(|error| from_answer(error, act))?;
        let CapabilityData::Handles(handles) = listed else { return Ok(false) };
        Ok(handles.into_inner().first().is_some_and(|first| u32::from(*first) == handle))
    }

    /// Does something with an HMAC session, in which authorisations are proven and not sent.
    fn in_session<T>(
        &mut self,
        act: Act,
        work: impl FnOnce(&mut Context) -> Result<T, tss_esapi::Error>,
    ) -> Result<T, TpmError> {
        let session = self.session(SessionType::Hmac, act)?;
        let done = self.context.execute_with_session(Some(session), work);
        self.flush(session);
        done.map_err(|error| from_answer(error, act))
    }

    fn session(&mut self, kind: SessionType, act: Act) -> Result<AuthSession, TpmError> {
        let refused = |error| from_answer(error, act);
        let (symmetric, hash) = (SymmetricDefinition::AES_128_CFB, HashingAlgorithm::Sha256);
        let started = self.context.start_auth_session(None, None, None, kind, symmetric, hash);
        let session = started.map_err(refused)?.ok_or_else(|| refused(refusal::nothing()))?;
        let (attributes, mask) = SessionAttributesBuilder::new().with_continue_session(true).build();
        self.context.tr_sess_set_attributes(session, attributes, mask).map_err(refused)?;
        Ok(session)
    }

    fn flush(&mut self, session: AuthSession) {
        // What cannot be flushed now is tried once more when the context is dropped.
        let _ = self.context.flush_context(SessionHandle::from(session).into());
    }

    fn name(&mut self, handle: KeyHandle, act: Act) -> Result<TpmObjectName, TpmError> {
        let name = self.context.tr_get_name(handle.into()).map_err(|error| from_answer(error, act))?;
        TpmObjectName::from_bytes(name.value()).map_err(|_| from_answer(refusal::nothing(), act))
    }
}

/// Four characters a number, padded with zeros or spaces.
fn text(numbers: &[u32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    let shown = bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte));
    shown
        .map(|shown| if shown.is_ascii_graphic() { shown } else { ' ' })
        .collect::<String>()
        .trim()
        .to_owned()
}

impl fmt::Debug for Tpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tpm")
    }
}
