//! Text that goes into documents: checked at the edge, so that no document can be broken by it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let rule: fn(&str) -> bool = $rule;
                if rule(&text) { Ok(Self(text)) } else { Err(format!("`{text}` is no {}", $what)) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// Identity of a DPS instance: letters and digits (`0ne00ABCDEF`).
    IdScope, "ID scope: copy it from the DPS overview page, as in 0ne00ABCDEF",
    |text| (4..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
);
text_type!(
    /// A host name.
    Endpoint, "host name: give it without https:// and path, as in global.azure-devices-provisioning.net",
    |text| !text.is_empty() && text.len() <= 253
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
);
text_type!(
    /// A DTMI or URN.
    ModelId, "model ID: give a DTMI (dtmi:com:example:Gateway;1) or a URN",
    |text| text.len() <= 256 && (text.starts_with("dtmi:") || text.starts_with("urn:"))
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
);

impl Endpoint {
    /// The host of the public cloud.
    pub(super) fn public() -> Self {
        Self("global.azure-devices-provisioning.net".to_owned())
    }
}
