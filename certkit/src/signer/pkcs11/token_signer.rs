//! A private key in a token, as a signer.

use std::fmt;
use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use sha2::{Digest, Sha256, Sha384};

use super::error::TokenError;
use super::open::Open;
use super::pool::{NotMade, Pool};
use super::uri::TokenUri;
use crate::{KeyAlgorithm, PublicKey, Signer, SignerError};

/// A private key in a token. Any number of threads sign with it, each through a session of its own.
///
/// A signature is *not* checked here: on a fast token that would double the cost. Who puts one into a certificate for use
/// checks it (`Chain::new` does for every chain).
pub struct TokenSigner {
    token: Arc<Open>,
    uri: TokenUri,
    public_key: PublicKey,
    seats: Pool<Seat>,
}

/// A session, and the key as that session found it.
struct Seat {
    session: Session,
    key: ObjectHandle,
}

impl TokenSigner {
    pub(super) fn new(token: Arc<Open>, uri: TokenUri, public_key: PublicKey) -> Result<Self, TokenError> {
        let first = seat(&token, &uri).map_err(NotMade::into_error)?;
        Ok(Self { token, uri, public_key, seats: Pool::new(first) })
    }

    /// Which object it is.
    pub(super) fn uri(&self) -> &TokenUri {
        &self.uri
    }

    /// PKCS#11 gives r and s side by side, X.509 wants an Ecdsa-Sig-Value (RFC 3279 §2.2.3).
    ///
    /// A session that fails is replaced once; what then fails is the token's fault, and the caller's to report.
    fn sign_with_token(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let failed = TokenError::failed(self.token.label(), "sign");
        let raw = |mechanism: Mechanism<'_>, data: &[u8]| {
            self.seats.with(
                || seat(&self.token, &self.uri),
                |seat| seat.session.sign(&mechanism, seat.key, data).map_err(&failed),
            )
        };
        match self.public_key.algorithm() {
            KeyAlgorithm::P256 => {
                let raw = raw(Mechanism::Ecdsa, &Sha256::digest(message))?;
                let signature =
                    p256::ecdsa::Signature::from_slice(&raw).map_err(|_| self.no_signature(&raw))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            KeyAlgorithm::P384 => {
                let raw = raw(Mechanism::Ecdsa, &Sha384::digest(message))?;
                let signature =
                    p384::ecdsa::Signature::from_slice(&raw).map_err(|_| self.no_signature(&raw))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                raw(Mechanism::Sha256RsaPkcs, message)
            }
        }
    }

    fn no_signature(&self, raw: &[u8]) -> TokenError {
        TokenError::NoSignature { token: self.token.label().to_owned(), octets: raw.len() }
    }
}

fn seat(token: &Open, uri: &TokenUri) -> Result<Seat, NotMade<TokenError>> {
    let failed = TokenError::failed(token.label(), "open a session");
    let session = token.session(false).map_err(|error| match error {
        Error::Pkcs11(RvError::SessionCount, _) => NotMade::Limit(failed(error)),
        error => NotMade::Failed(failed(error)),
    })?;
    let key = token.private_key(&session, uri).map_err(NotMade::Failed)?;
    Ok(Seat { session, key })
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.sign_with_token(message)?)
    }

    fn is_in_token(&self) -> bool {
        true
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({}, {:?})", self.uri, self.public_key)
    }
}
