//! The text of an item: a template whose variables are filled in for each unit.

use std::fmt;

use crate::link::Variables;
use crate::placeholders;
use crate::vault::Secret;

/// What a document may name, besides the product's own values. There is no variable for a group key, a CA key or a
/// connection string: a document cannot ask for what must never reach a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `${registration_id}`: the device ID too.
    RegistrationId,
    /// `${id_scope}`.
    IdScope,
    /// `${global_endpoint}`.
    GlobalEndpoint,
    /// `${model_id}`.
    ModelId,
    /// `${certificate_chain}`: PEM, leaf first.
    CertificateChain,
    /// `${certificate}`: the leaf alone, PEM.
    Certificate,
    /// `${certificate_der}`: the leaf alone, DER.
    CertificateDer,
    /// `${certificate_chain_der}`: DER, leaf first, one certificate after the other.
    CertificateChainDer,
    /// `${private_key}`: PKCS#8 PEM. Secret.
    PrivateKey,
    /// `${private_key_der}`: PKCS#8 DER. Secret.
    PrivateKeyDer,
    /// `${device_key}`: base64. Secret.
    DeviceKey,
    /// `${device_key_bytes}`: the key's own bytes. Secret.
    DeviceKeyBytes,
}

const VARIABLES: [(&str, Variable); 12] = [
    ("registration_id", Variable::RegistrationId),
    ("id_scope", Variable::IdScope),
    ("global_endpoint", Variable::GlobalEndpoint),
    ("model_id", Variable::ModelId),
    ("certificate_chain", Variable::CertificateChain),
    ("certificate", Variable::Certificate),
    ("certificate_der", Variable::CertificateDer),
    ("certificate_chain_der", Variable::CertificateChainDer),
    ("private_key", Variable::PrivateKey),
    ("private_key_der", Variable::PrivateKeyDer),
    ("device_key", Variable::DeviceKey),
    ("device_key_bytes", Variable::DeviceKeyBytes),
];

/// The values for one unit. Those of the credential are there as far as this process has it.
pub struct Values<'a> {
    /// Device ID and registration ID.
    pub registration_id: &'a str,
    /// ID scope.
    pub id_scope: &'a str,
    /// Global endpoint.
    pub global_endpoint: &'a str,
    /// Model ID.
    pub model_id: &'a str,
    /// PEM, leaf first.
    pub certificate_chain: Option<&'a str>,
    /// The leaf, PEM.
    pub certificate: Option<&'a str>,
    /// The leaf, DER.
    pub certificate_der: Option<&'a [u8]>,
    /// DER, leaf first.
    pub certificate_chain_der: Option<&'a [u8]>,
    /// PKCS#8 PEM.
    pub private_key: Option<&'a Secret>,
    /// PKCS#8 DER.
    pub private_key_der: Option<&'a Secret>,
    /// Base64.
    pub device_key: Option<&'a str>,
    /// Bytes.
    pub device_key_bytes: Option<&'a [u8]>,
    /// The product's own values and secrets.
    pub own: &'a Variables,
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({}, …)", self.registration_id)
    }
}

/// A document, parsed into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
    Own(String),
}

impl Document {
    /// Parses a template. `own` are the names of the product's own values and secrets.
    ///
    /// # Errors
    /// What is wrong with it, in words: an unknown variable, an unclosed one.
    pub fn parse(text: &str, own: &[&str]) -> Result<Self, String> {
        let parts = placeholders::parts(text)?.into_iter().map(|part| match part {
            placeholders::Part::Text(text) => Ok(Part::Text(text.to_owned())),
            placeholders::Part::Name(name) => variable(name, own),
        });
        Ok(Self(parts.collect::<Result<_, String>>()?))
    }

    /// Whether the document names this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.contains(&Part::Variable(variable))
    }

    /// Whether it holds what proves the unit's identity.
    pub fn holds_key(&self) -> bool {
        let keys =
            [Variable::PrivateKey, Variable::PrivateKeyDer, Variable::DeviceKey, Variable::DeviceKeyBytes];
        keys.into_iter().any(|key| self.uses(key))
    }

    /// The product's own values and secrets that it names.
    pub fn own(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Own(name) => Some(name.as_str()),
            Part::Text(_) | Part::Variable(_) => None,
        })
    }

    /// The content for one unit; none where it needs a part of the credential that this process does not have.
    pub fn fill(&self, values: &Values<'_>) -> Option<Secret> {
        // Two passes: room for all of it first, so that growing leaves no unwiped copy of a key behind.
        let pieces: Vec<&[u8]> = self.0.iter().map(|part| part.bytes(values)).collect::<Option<_>>()?;
        let mut content = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
        for piece in pieces {
            content.extend_from_slice(piece);
        }
        Some(Secret::new(content))
    }
}

fn variable(name: &str, own: &[&str]) -> Result<Part, String> {
    if let Some((_, variable)) = VARIABLES.iter().find(|(known, _)| *known == name) {
        return Ok(Part::Variable(*variable));
    }
    if own.contains(&name) {
        return Ok(Part::Own(name.to_owned()));
    }
    let known: Vec<&str> = VARIABLES.iter().map(|(known, _)| *known).chain(own.iter().copied()).collect();
    Err(format!("unknown variable `${{{name}}}`: known here are {}", known.join(", ")))
}

impl Part {
    fn bytes<'a>(&'a self, values: &Values<'a>) -> Option<&'a [u8]> {
        Some(match self {
            Part::Text(text) => text.as_bytes(),
            Part::Own(name) => values.own.get(name)?.value.bytes(),
            Part::Variable(Variable::RegistrationId) => values.registration_id.as_bytes(),
            Part::Variable(Variable::IdScope) => values.id_scope.as_bytes(),
            Part::Variable(Variable::GlobalEndpoint) => values.global_endpoint.as_bytes(),
            Part::Variable(Variable::ModelId) => values.model_id.as_bytes(),
            Part::Variable(Variable::CertificateChain) => values.certificate_chain?.as_bytes(),
            Part::Variable(Variable::Certificate) => values.certificate?.as_bytes(),
            Part::Variable(Variable::CertificateDer) => values.certificate_der?,
            Part::Variable(Variable::CertificateChainDer) => values.certificate_chain_der?,
            Part::Variable(Variable::PrivateKey) => values.private_key?.bytes(),
            Part::Variable(Variable::PrivateKeyDer) => values.private_key_der?.bytes(),
            Part::Variable(Variable::DeviceKey) => values.device_key?.as_bytes(),
            Part::Variable(Variable::DeviceKeyBytes) => values.device_key_bytes?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Variable as LinkVariable;

    fn fill(text: &str) -> Option<Secret> {
        let own = Variables::from([("ssid".to_owned(), LinkVariable::open("factory"))]);
        let values = Values {
            registration_id: "gw-1",
            id_scope: "0ne00ABCDEF",
            global_endpoint: "host",
            model_id: "dtmi:x;1",
            certificate_chain: Some("CHAIN"),
            certificate: Some("LEAF"),
            certificate_der: Some(b"leaf"),
            certificate_chain_der: Some(b"chain"),
            private_key: None,
            private_key_der: None,
            device_key: None,
            device_key_bytes: None,
            own: &own,
        };
        Document::parse(text, &["ssid"]).unwrap().fill(&values)
    }

    #[test]
    fn fills_in() {
        let filled = fill("a ${registration_id}-${id_scope} ${ssid} z").unwrap();
        assert_eq!(filled.text(), Some("a gw-1-0ne00ABCDEF factory z"));
    }

    #[test]
    fn no_document_can_ask_for_a_group_key() {
        for name in ["group_key", "ca_key", "connection_string"] {
            let error = Document::parse(&format!("${{{name}}}"), &["ssid"]).unwrap_err();
            assert!(error.contains(name) && error.contains("ssid"), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_gone_gives_no_content() {
        assert_eq!(fill("${private_key}"), None);
        assert_eq!(fill("${device_key}"), None);
    }
}
