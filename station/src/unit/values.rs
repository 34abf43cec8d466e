//! What documents are filled with for one unit.

use certkit::KeyFormat;
use zeroize::Zeroizing;

use super::Credential;
use crate::ledger::entry::Identity;
use crate::link::Variables;
use crate::product::{Product, Values};
use crate::vault::Secret;

/// The values of one unit, in every form that a document may ask for.
pub(super) struct UnitValues<'a> {
    identity: &'a Identity,
    global_endpoint: String,
    model_id: String,
    certificate_chain: Option<String>,
    certificate: Option<String>,
    certificate_der: Option<&'a [u8]>,
    certificate_chain_der: Option<Vec<u8>>,
    private_key: Option<Secret>,
    private_key_der: Option<Secret>,
    device_key: Option<Zeroizing<String>>,
    device_key_bytes: Option<&'a [u8]>,
}

impl<'a> UnitValues<'a> {
    pub(super) fn new(product: &Product, identity: &'a Identity, credential: &'a Credential) -> Self {
        let (chain, private_key, device_key) = match credential {
            Credential::Certificate { chain, private_key } => (Some(chain), private_key.as_ref(), None),
            Credential::DeviceKey(key) => (None, None, Some(key)),
            Credential::EndorsementKey(_) => (None, None, None),
        };
        Self {
            identity,
            global_endpoint: product.global_endpoint.to_string(),
            model_id: product.model_id.to_string(),
            certificate_chain: chain.map(|chain| chain.to_pem()),
            certificate: chain.map(|chain| chain.leaf().to_pem()),
            certificate_der: chain.map(|chain| chain.leaf().der()),
            certificate_chain_der: chain.map(|chain| {
                chain.certificates().iter().flat_map(|certificate| certificate.der()).copied().collect()
            }),
            // Every key has these two forms.
            private_key: private_key.and_then(|key| key.to_pem(KeyFormat::Pkcs8).ok()).map(Secret::from),
            private_key_der: private_key
                .and_then(|key| key.to_der(KeyFormat::Pkcs8).ok())
                .map(|der| Secret::new(der.to_vec())),
            device_key: device_key.map(certkit::DeviceKey::to_base64),
            device_key_bytes: device_key.map(certkit::DeviceKey::bytes),
        }
    }

    /// Together with the product's own.
    pub(super) fn with<'v>(&'v self, own: &'v Variables) -> Values<'v> {
        Values {
            registration_id: self.identity.registration_id.as_str(),
            id_scope: &self.identity.id_scope,
            global_endpoint: &self.global_endpoint,
            model_id: &self.model_id,
            certificate_chain: self.certificate_chain.as_deref(),
            certificate: self.certificate.as_deref(),
            certificate_der: self.certificate_der,
            certificate_chain_der: self.certificate_chain_der.as_deref(),
            private_key: self.private_key.as_ref(),
            private_key_der: self.private_key_der.as_ref(),
            device_key: self.device_key.as_ref().map(|text| text.as_str()),
            device_key_bytes: self.device_key_bytes,
            own,
        }
    }
}
