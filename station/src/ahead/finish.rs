//! What is made of each credential for whoever gets it.

use certkit::{BatchCredential, DeviceKey, RegistrationId};

use super::AheadError;

/// Makes of each credential what is handed out, before it is announced: what cannot be made is never announced.
pub trait Finish: Send + Sync + 'static {
    /// What it makes.
    type Finished: Send + 'static;

    /// Entries that are committed together: while they are, the next ones are made. What was made waits in memory until
    /// then, for up to 256 credentials an entry.
    const ENTRIES_TOGETHER: usize;

    /// Of a key and its certificate, whose PEM is `leaf`.
    ///
    /// # Errors
    /// [`AheadError`].
    fn certificate(&self, credential: &BatchCredential, leaf: &str) -> Result<Self::Finished, AheadError>;

    /// Of a device's key; and its second one, where it has one of its own.
    ///
    /// # Errors
    /// [`AheadError`].
    fn device_key(
        &self,
        registration_id: &RegistrationId,
        key: &DeviceKey,
        secondary: Option<&DeviceKey>,
    ) -> Result<Self::Finished, AheadError>;
}
