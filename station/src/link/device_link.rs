//! What the line asks of a link, whatever the device is.

use certkit::{TpmCredential, TpmObjectName};

use super::error::LinkError;
use super::esp::LockState;
use super::place::{Observed, Place};
use super::step::{OwnKey, Step};
use crate::ledger::Announced;
use crate::tpm::TpmReading;
use crate::vault::Secret;

/// What a unit shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Its hardware ID, as it came; none where the device has no way to tell it.
    pub hardware_id: Option<String>,
    /// Where that was learnt.
    pub learnt_from: String,
    /// What of it is locked; nothing where the device cannot tell.
    pub locks: LockState,
    /// Bytes of its flash; none where the device does not tell them.
    pub flash: Option<u32>,
    /// What its TPM shows, where it is asked.
    pub tpm: Option<Box<TpmReading>>,
}

/// How a unit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It passed, and goes into the world as it is.
    Accepted,
    /// It did not pass, or is to be taken to its verdict next.
    Unfinished,
}

/// A link to one unit on an open port. What a link cannot do is [`LinkError::Impossible`]; products that ask for it are
/// refused when they are loaded.
pub trait DeviceLink: Send {
    /// Finds out who is there. Nothing on the unit changes.
    ///
    /// # Errors
    /// [`LinkError`].
    fn identify(&mut self) -> Result<Shown, LinkError>;

    /// Tells who is there, and nothing else: what is asked again and again where nothing else shows that a unit came or went.
    ///
    /// # Errors
    /// [`LinkError`].
    fn look(&mut self) -> Result<Option<String>, LinkError> {
        Ok(self.identify()?.hardware_id)
    }

    /// Reads the hardware ID again, of a unit that was identified; none where the device has no way to tell it.
    ///
    /// # Errors
    /// [`LinkError`].
    fn hardware_id(&mut self) -> Result<Option<String>, LinkError>;

    /// Lets the unit show the public part of its own key, in PEM. Nothing of it has been checked.
    ///
    /// # Errors
    /// [`LinkError`].
    fn own_key(&mut self, step: &Announced<OwnKey>) -> Result<String, LinkError>;

    /// Does one announced act. `progress` hears how many bytes of how many are written.
    ///
    /// # Errors
    /// [`LinkError`].
    fn perform(
        &mut self,
        step: &Announced<Step>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), LinkError>;

    /// Lets the unit compute the digest of an item, and compares what it shows of the item's place; none where the device
    /// has no way to do so.
    ///
    /// # Errors
    /// [`LinkError::Place`] where mode, owner or another place variable differs; any other [`LinkError`].
    fn observe(&mut self, item: &str, at: &Place) -> Result<Option<Observed>, LinkError>;

    /// Reads an item's content back.
    ///
    /// # Errors
    /// [`LinkError`].
    fn read_back(&mut self, at: &Place) -> Result<Secret, LinkError>;

    /// Lets the unit sign a nonce with the private key at this place, or HMAC it. Gives the signature (DER) or the MAC.
    ///
    /// # Errors
    /// [`LinkError`].
    fn challenge(&mut self, nonce: &str, at: &Place) -> Result<Vec<u8>, LinkError>;

    /// Reads its TPM. Keys that this link has loaded into it are not made again.
    ///
    /// # Errors
    /// [`LinkError`].
    fn read_tpm(&mut self) -> Result<TpmReading, LinkError> {
        Err(LinkError::Impossible("reach a TPM"))
    }

    /// The object in its TPM that a credential for it must name.
    ///
    /// # Errors
    /// [`LinkError`].
    fn activation_object(&mut self) -> Result<TpmObjectName, LinkError> {
        Err(LinkError::Impossible("reach a TPM"))
    }

    /// Lets its TPM open a credential. Gives the secret that was in it.
    ///
    /// # Errors
    /// [`LinkError`].
    fn activate(&mut self, _credential: &TpmCredential) -> Result<Secret, LinkError> {
        Err(LinkError::Impossible("reach a TPM"))
    }

    /// Takes leave of the unit, so that nothing stays open on it. The port is released when the link is dropped.
    ///
    /// # Errors
    /// [`LinkError`].
    fn leave(&mut self, how: Leaving) -> Result<(), LinkError>;

    /// What was said so far, secrets masked.
    fn transcript(&self) -> &str;
}
