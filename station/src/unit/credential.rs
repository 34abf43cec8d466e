//! A unit's credential, as far as this process has it.

use certkit::{Chain, DeviceKey, EndorsementKey, PrivateKey};

/// What a unit attests with.
#[derive(Debug)]
pub enum Credential {
    /// A certificate chain, leaf first.
    Certificate {
        /// The chain.
        chain: Box<Chain>,
        /// None once only the unit has it.
        private_key: Option<PrivateKey>,
    },
    /// A symmetric key.
    DeviceKey(DeviceKey),
    /// The endorsement key of its TPM, which only opens what is sealed to it.
    EndorsementKey(Box<EndorsementKey>),
}

impl Credential {
    /// Whether `answer` shows that the unit holds the credential's secret: a signature of our nonce, or its HMAC.
    pub fn proves(&self, nonce: &[u8], answer: &[u8]) -> bool {
        match self {
            Credential::Certificate { chain, .. } => chain.leaf().public_key().verify(nonce, answer).is_ok(),
            Credential::DeviceKey(key) => key.vouches_for(nonce, answer),
            Credential::EndorsementKey(_) => false,
        }
    }
}
