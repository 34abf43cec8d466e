//! A token that is logged in.

use std::fmt;
use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::error::TokenError;
use super::module::{Keeper, Login, Module};
use super::object;
use super::open::{Open, log_in};
use super::token_signer::TokenSigner;
use super::uri::{ObjectType, TokenUri};
use crate::KeyAlgorithm;

/// A token, logged in once for this process. Clones share the login; it ends with the last of them.
#[derive(Clone)]
pub struct Token(pub(super) Arc<Open>);

impl Token {
    /// Opens the one token that fits the URI, and logs in with this PIN.
    ///
    /// A PIN that the token refused is not tried again in this process, by whatever handle. Another PIN than the one that
    /// opened it is refused untried.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(uri: &TokenUri, pin: &[u8]) -> Result<Self, TokenError> {
        let path = uri.module_path.as_ref().ok_or_else(|| TokenError::NoModule { uri: uri.to_string() })?;
        let module = Module::load(path)?;
        let present = module.find(uri)?;
        let mut logins = module.logins();
        let token = || present.info.label().to_owned();
        let opened = |keeper| {
            Self(Arc::new(Open { module: Arc::clone(&module), slot: present.slot, label: token(), keeper }))
        };
        match logins.get(&present.slot.id()) {
            Some(Login::Refused) => return Err(TokenError::PinRefusedBefore { token: token() }),
            Some(Login::Open(keeper)) => {
                if let Some(keeper) = keeper.upgrade() {
                    let same = keeper.is_of(pin);
                    return if same {
                        Ok(opened(keeper))
                    } else {
                        Err(TokenError::OtherPin { token: token() })
                    };
                }
            }
            None => {}
        }
        let (login, result) = match log_in(&module, &present, pin) {
            Ok(session) => {
                let keeper = Arc::new(Keeper::new(session, pin));
                (Some(Login::Open(Arc::downgrade(&keeper))), Ok(opened(keeper)))
            }
            Err(error @ (TokenError::PinIncorrect { .. } | TokenError::PinLocked { .. })) => {
                (Some(Login::Refused), Err(error))
            }
            Err(error) => (None, Err(error)),
        };
        if let Some(login) = login {
            logins.insert(present.slot.id(), login);
        }
        result
    }

    /// The token's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Makes a key inside the token: never shown, never extractable, for signing alone.
    ///
    /// # Errors
    /// [`TokenError`]; nothing is then left on the token.
    pub fn generate(
        &self,
        algorithm: KeyAlgorithm,
        label: &str,
        id: &[u8],
    ) -> Result<TokenSigner, TokenError> {
        let failed = |what| TokenError::failed(self.label(), what);
        let session = self.0.session(true).map_err(failed("open a session that may write"))?;
        for same in [Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.to_vec())] {
            if !session.find_objects(&[same]).map_err(failed("search its objects"))?.is_empty() {
                return Err(TokenError::Exists { token: self.label().to_owned(), label: label.to_owned() });
            }
        }
        let (mechanism, kind) = object::kind(algorithm);
        let (public, private) = session
            .generate_key_pair(
                &mechanism,
                &object::public_template(label, id, kind),
                &object::private_template(label, id),
            )
            .map_err(|error| self.not_made(algorithm, error))?;
        let made = self.check_new(&session, private, public, label, id);
        if made.is_err() {
            // The first error is the one to report.
            let _ = session.destroy_object(private);
            let _ = session.destroy_object(public);
        }
        made
    }

    fn check_new(
        &self,
        session: &Session,
        private: ObjectHandle,
        public: ObjectHandle,
        label: &str,
        id: &[u8],
    ) -> Result<TokenSigner, TokenError> {
        let failed = |what| TokenError::failed(self.label(), what);
        let unprotected = object::unprotected(session, private).map_err(failed("describe its new key"))?;
        if let Some(what) = unprotected {
            return Err(TokenError::Unprotected { token: self.label().to_owned(), what });
        }
        let public_key =
            object::public_key(session, public).map_err(failed("show its new public key"))?.ok_or_else(
                || TokenError::PublicKey { token: self.label().to_owned(), label: label.to_owned() },
            )?;
        TokenSigner::new(Arc::clone(&self.0), TokenUri::default().with_private_key(label, id), public_key)
    }

    fn not_made(&self, algorithm: KeyAlgorithm, error: Error) -> TokenError {
        let token = self.label().to_owned();
        match error {
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::CurveNotSupported
                | RvError::DomainParamsInvalid
                | RvError::KeySizeRange
                | RvError::AttributeValueInvalid,
                _,
            ) => TokenError::NotOffered { token, algorithm, source: error.into() },
            error => TokenError::failed(&token, "make a key")(error),
        }
    }

    /// The private key that the URI means, ready to sign. Its public half must lie beside it, under the same id or label.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn signer(&self, uri: &TokenUri) -> Result<TokenSigner, TokenError> {
        if uri.object_type.is_some_and(|kind| kind != ObjectType::Private) {
            return Err(TokenError::NoPrivateKey { uri: uri.to_string() });
        }
        let session = self.0.session(false).map_err(TokenError::failed(self.label(), "open a session"))?;
        self.0.private_key(&session, uri)?;
        let failed = |what| TokenError::failed(self.label(), what);
        let public = session
            .find_objects(&object::search(uri, ObjectClass::PUBLIC_KEY))
            .map_err(failed("search its objects"))?;
        let public_key = match public.first() {
            Some(public) => object::public_key(&session, *public).map_err(failed("show a public key"))?,
            None => None,
        };
        let public_key = public_key.ok_or_else(|| TokenError::PublicKey {
            token: self.label().to_owned(),
            label: uri.object.clone().unwrap_or_default(),
        })?;
        TokenSigner::new(Arc::clone(&self.0), uri.clone(), public_key)
    }

    /// Destroys a key that a command made which then failed: private and public half.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn destroy(&self, signer: TokenSigner) -> Result<(), TokenError> {
        let failed = |what| TokenError::failed(self.label(), what);
        let session = self.0.session(true).map_err(failed("open a session that may write"))?;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            let objects = session
                .find_objects(&object::search(signer.uri(), class))
                .map_err(failed("search its objects"))?;
            for object in objects {
                session.destroy_object(object).map_err(failed("destroy a key"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.label())
    }
}
