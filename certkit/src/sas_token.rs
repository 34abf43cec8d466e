//! SAS tokens: expiring texts that show a symmetric key without telling it.
//!
//! `SharedAccessSignature sr={resource}&sig={signature}&se={expiry}[&skn={policy}]`. What is signed is `sr` exactly as it
//! stands in the token, a line feed, and `se` (IoT Hub, "Control access with shared access signatures"). Clients spell
//! `sr` differently (`%2F`, `%2f`, not encoded) and order the fields as they like: a verifier must take each as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::DeviceKey;

const SCHEME: &str = "SharedAccessSignature ";

/// Why a token shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SasTokenError {
    /// Another scheme, or none.
    #[error("a SAS token begins with `SharedAccessSignature `: this text does not")]
    Scheme,
    /// A field is missing.
    #[error("the SAS token has no field `{0}`: have the client make it anew")]
    Missing(&'static str),
    /// A field is there twice, so that two readers could differ.
    #[error("the SAS token has the field `{0}` twice: have the client make it anew")]
    Doubled(&'static str),
    /// The expiry is no number of seconds.
    #[error("the SAS token's field `se` is `{0}`: it must be seconds since 1970")]
    Expiry(String),
    /// The signature is not in base64, percent-encoded where needed.
    #[error("the SAS token's field `sig` is no base64: have the client make it anew")]
    Encoding,
    /// Another key signed it, or another text.
    #[error("the SAS token was not signed with this key, or was changed since")]
    Signature,
    /// Its time is over.
    #[error(
        "the SAS token expired at {expiry} (seconds since 1970), and it is {now}: make a new one, or set the clock"
    )]
    Expired {
        /// When it expired.
        expiry: u64,
        /// The time that was given.
        now: u64,
    },
}

/// What a token says, once its signature was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SasToken {
    /// What it opens, percent-decoded: `{idScope}/registrations/{registrationId}` of a device.
    pub resource: String,
    /// Seconds since 1970.
    pub expiry: u64,
    /// The policy that it names, where it names one: `registration` of a device.
    pub policy: Option<String>,
}

impl SasToken {
    /// The token's text, signed.
    ///
    /// ```
    /// use certkit::{DeviceKey, SasToken};
    /// let key = DeviceKey::parse("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=")?;
    /// let token = SasToken {
    ///     resource: "0ne00ABCDEF/registrations/dev-1".to_owned(),
    ///     expiry: 1_900_000_000,
    ///     policy: Some("registration".to_owned()),
    /// };
    /// let text = token.sign(&key);
    /// assert_eq!(SasToken::verify(&text, &key, 1_800_000_000)?, token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sign(&self, key: &DeviceKey) -> String {
        let resource = percent_encode(&self.resource);
        let signature = STANDARD.encode(key.mac(to_sign(&resource, &self.expiry.to_string()).as_bytes()));
        let mut text = format!("{SCHEME}sr={resource}&sig={}&se={}", percent_encode(&signature), self.expiry);
        if let Some(policy) = &self.policy {
            text.push_str("&skn=");
            text.push_str(&percent_encode(policy));
        }
        text
    }

    /// Checks a token made by any client. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`SasTokenError`].
    pub fn verify(text: &str, key: &DeviceKey, now: u64) -> Result<Self, SasTokenError> {
        let fields = text.strip_prefix(SCHEME).ok_or(SasTokenError::Scheme)?;
        let resource = field(fields, "sr")?.ok_or(SasTokenError::Missing("sr"))?;
        let signature = field(fields, "sig")?.ok_or(SasTokenError::Missing("sig"))?;
        let expires = field(fields, "se")?.ok_or(SasTokenError::Missing("se"))?;
        let policy = field(fields, "skn")?;
        let expiry = expires.parse().map_err(|_| SasTokenError::Expiry(expires.to_owned()))?;
        let signature = percent_decode(signature).and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.ok_or(SasTokenError::Encoding)?;
        if !key.vouches_for(to_sign(resource, expires).as_bytes(), &signature) {
            return Err(SasTokenError::Signature);
        }
        if expiry <= now {
            return Err(SasTokenError::Expired { expiry, now });
        }
        let decode = |text| percent_decode(text).ok_or(SasTokenError::Encoding);
        Ok(Self { resource: decode(resource)?, expiry, policy: policy.map(decode).transpose()? })
    }
}

fn to_sign(resource: &str, expiry: &str) -> String {
    format!("{resource}\n{expiry}")
}

fn field<'t>(fields: &'t str, name: &'static str) -> Result<Option<&'t str>, SasTokenError> {
    let mut values = fields.split('&').filter_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(SasTokenError::Doubled(name)),
        (value, None) => Ok(value),
    }
}

/// All but unreserved characters (RFC 3986 §2.3), upper-case hex.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        match first {
            b'%' => {
                let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &behind[2..];
            }
            byte => {
                decoded.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey::parse("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=").unwrap()
    }

    #[test]
    fn what_is_wrong_with_a_token_is_said() {
        let good = SasToken { resource: "s/registrations/d".into(), expiry: 2000, policy: None }.sign(&key());
        assert!(SasToken::verify(&good, &key(), 1999).is_ok());
        let other = DeviceKey::parse("AAECAwQFBgcICQoLDA0ODw==").unwrap();
        assert_eq!(SasToken::verify(&good, &other, 0), Err(SasTokenError::Signature));
        for (text, error) in [
            (good.replace("SharedAccessSignature", "Bearer"), SasTokenError::Scheme),
            (good.replace("sr=", "xr="), SasTokenError::Missing("sr")),
            (good.replace("se=2000", "se=later"), SasTokenError::Expiry("later".into())),
            (good.replace("se=2000", "se=3000"), SasTokenError::Signature),
            (good.replace("sr=s", "sr=t"), SasTokenError::Signature),
            (good.replace("sig=", "sig=%"), SasTokenError::Encoding),
            (good.clone() + "&se=9000", SasTokenError::Doubled("se")),
        ] {
            assert_eq!(SasToken::verify(&text, &key(), 0), Err(error), "{text}");
        }
        let expired = SasTokenError::Expired { expiry: 2000, now: 2000 };
        assert_eq!(SasToken::verify(&good, &key(), 2000), Err(expired));
    }
}
