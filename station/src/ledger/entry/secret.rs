//! What the ledger knows of secrets: what they are and where they lie, never what they say.

use serde::{Deserialize, Serialize};

/// What a secret of the vault is: it decides where it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// A text that units or consoles take: a password.
    Text,
    /// An enrollment group's key. Never written to a device.
    GroupKey,
    /// The user PIN of a token. Told to the token alone.
    Pin,
    /// Keys of devices, given with an order.
    DeviceKeys,
}

/// A private key that lies in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// The token, the key in it and the module that speaks with it, as a PKCS#11 URI (RFC 7512).
    pub uri: String,
    /// The name of the token's PIN in the vault.
    pub pin: String,
}
