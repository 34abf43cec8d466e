//! Keys in a token.

use std::str::FromStr;

use certkit::{KeyAlgorithm, Signer, Token, TokenError, TokenSigner, TokenUri, TokenUriError};
use thiserror::Error;

use crate::vault::Secret;

/// Why a key in a token could not be made or opened.
#[derive(Debug, Error)]
pub enum HsmError {
    /// The URI is none.
    #[error("`{uri}` names no key in a token")]
    Uri {
        /// The text.
        uri: String,
        /// What is wrong with it.
        source: TokenUriError,
    },
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl HsmError {
    /// Whether the token is missing, locked or not answering, and not what it was asked.
    pub fn is_stations_fault(&self) -> bool {
        match self {
            Self::Uri { .. } => false,
            Self::Token(error) => {
                error.is_fault()
                    || matches!(error, TokenError::NotFound { .. } | TokenError::PinLocked { .. })
            }
        }
    }
}

/// A token, and the module that speaks with it, as a person names them: a PKCS#11 URI without an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAddress(Box<TokenUri>);

impl FromStr for TokenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: TokenUri = text.parse().map_err(|error: TokenUriError| error.to_string())?;
        if uri.names_object() {
            return Err(
                "the key is made new, and gets its name from the station: leave object, id and type out"
                    .to_owned(),
            );
        }
        if uri.module_path.is_none() {
            return Err(TokenError::NoModule { uri: uri.to_string() }.to_string());
        }
        Ok(Self(Box::new(uri)))
    }
}

/// A key that was just made inside a token.
#[derive(Debug)]
pub struct NewTokenKey {
    token: Token,
    signer: TokenSigner,
    uri: String,
}

impl NewTokenKey {
    /// Makes a key inside the token.
    ///
    /// # Errors
    /// [`HsmError`]; nothing is then left on the token.
    pub fn make(
        address: &TokenAddress,
        pin: &Secret,
        algorithm: KeyAlgorithm,
        label: &str,
        id: &[u8],
    ) -> Result<Self, HsmError> {
        let token = Token::open(&address.0, pin.bytes())?;
        let signer = token.generate(algorithm, label, id)?;
        Ok(Self { token, signer, uri: address.0.with_private_key(label, id).to_string() })
    }

    /// Signs with it.
    pub fn signer(&self) -> &dyn Signer {
        &self.signer
    }

    /// Where it lies, module included.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Destroys it, where the command that made it failed.
    ///
    /// # Errors
    /// [`HsmError`].
    pub fn destroy(self) -> Result<(), HsmError> {
        Ok(self.token.destroy(self.signer)?)
    }
}

/// Opens the key that a URI names.
///
/// # Errors
/// [`HsmError`].
pub fn open(uri: &str, pin: &Secret) -> Result<Box<dyn Signer>, HsmError> {
    let parsed: TokenUri = uri.parse().map_err(|source| HsmError::Uri { uri: uri.to_owned(), source })?;
    let signer = Token::open(&parsed, pin.bytes())?.signer(&parsed)?;
    Ok(Box::new(signer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_named_without_an_object_and_with_its_module() {
        assert!("pkcs11:token=line?module-path=/lib/p.so".parse::<TokenAddress>().is_ok());
        for (text, part) in [
            ("pkcs11:token=line", "?module-path="),
            ("pkcs11:token=line;object=ca?module-path=/lib/p.so", "leave object, id and type out"),
            ("pkcs11:token=line?module-path=/lib/p.so&pin-value=1", "PINs come from the vault"),
            ("line", "begins with `pkcs11:`"),
        ] {
            let error = text.parse::<TokenAddress>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
