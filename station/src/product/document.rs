//! The text of an item: a template whose variables are filled in for each unit.

use std::collections::BTreeSet;

use crate::vault::Secret;

/// What a document may name. There is no variable for a group key, a CA key or a connection string: a document
/// cannot ask for what must never reach a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// `${private_key}`: PKCS#8 PEM. Secret.
    PrivateKey,
}

const VARIABLES: [(&str, Variable); 6] = [
    ("registration_id", Variable::RegistrationId),
    ("id_scope", Variable::IdScope),
    ("global_endpoint", Variable::GlobalEndpoint),
    ("model_id", Variable::ModelId),
    ("certificate_chain", Variable::CertificateChain),
    ("private_key", Variable::PrivateKey),
];

/// The values for one unit.
#[derive(Debug)]
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
    pub certificate_chain: &'a str,
    /// PKCS#8 PEM, while this process has it.
    pub private_key: Option<&'a Secret>,
}

/// A document, parsed into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

impl Document {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with it, in words: an unknown variable, an unclosed one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = rest.split_at(start);
            let (name, behind) =
                after[2..].split_once('}').ok_or_else(|| "a `${` has no `}`: close it".to_owned())?;
            let (_, variable) = VARIABLES.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                let known = VARIABLES.map(|(known, _)| known).join(", ");
                format!("unknown variable `${{{name}}}`: known here are {known}")
            })?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(*variable));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Whether the document names this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.contains(&Part::Variable(variable))
    }

    /// Whether its content is a secret.
    pub fn is_secret(&self) -> bool {
        self.uses(Variable::PrivateKey)
    }

    /// The variables that it names.
    pub fn variables(&self) -> BTreeSet<Variable> {
        self.0
            .iter()
            .filter_map(|part| match part {
                Part::Variable(variable) => Some(*variable),
                Part::Text(_) => None,
            })
            .collect()
    }

    /// The content for one unit; none where it needs the private key and this process no longer has it.
    pub fn fill(&self, values: &Values<'_>) -> Option<Secret> {
        // Two passes: room for all of it first, so that growing leaves no unwiped copy of a key behind.
        let pieces: Vec<&[u8]> = self.0.iter().map(|part| part.text(values)).collect::<Option<_>>()?;
        let mut content = Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
        for piece in pieces {
            content.extend_from_slice(piece);
        }
        Some(Secret::new(content))
    }
}

impl Part {
    fn text<'a>(&'a self, values: &Values<'a>) -> Option<&'a [u8]> {
        Some(match self {
            Part::Text(text) => text.as_bytes(),
            Part::Variable(Variable::RegistrationId) => values.registration_id.as_bytes(),
            Part::Variable(Variable::IdScope) => values.id_scope.as_bytes(),
            Part::Variable(Variable::GlobalEndpoint) => values.global_endpoint.as_bytes(),
            Part::Variable(Variable::ModelId) => values.model_id.as_bytes(),
            Part::Variable(Variable::CertificateChain) => values.certificate_chain.as_bytes(),
            Part::Variable(Variable::PrivateKey) => values.private_key?.bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'static> = Values {
        registration_id: "gw-1",
        id_scope: "0ne00ABCDEF",
        global_endpoint: "host",
        model_id: "dtmi:x;1",
        certificate_chain: "CHAIN",
        private_key: None,
    };

    #[test]
    fn fills_in() {
        let document = Document::parse("a ${registration_id}-${id_scope} z").unwrap();
        assert_eq!(document.fill(&VALUES).unwrap().text(), Some("a gw-1-0ne00ABCDEF z"));
    }

    #[test]
    fn no_document_can_ask_for_a_group_key() {
        for name in ["group_key", "ca_key", "connection_string"] {
            let error = Document::parse(&format!("${{{name}}}")).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_gone_gives_no_content() {
        assert_eq!(Document::parse("${private_key}").unwrap().fill(&VALUES), None);
    }
}
