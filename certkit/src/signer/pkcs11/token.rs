//! A token that is logged in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;

use super::error::{PinTries, TokenError};
use super::module::{Login, Module, Present};
use super::object;
use super::token_signer::TokenSigner;
use super::uri::{ObjectType, TokenUri};
use crate::KeyAlgorithm;

/// A token, logged in once for this process. Clones share the login; it ends with the last of them.
#[derive(Clone)]
pub struct Token(pub(super) Arc<Open>);

/// The login, and what it was made with.
pub(super) struct Open {
    module: Arc<Module>,
    slot: Slot,
    label: String,
    /// PKCS#11 logs a process out when its last session is closed: this one stays open.
    keeper: Mutex<Session>,
}

impl Token {
    /// Opens the one token that fits the URI, and logs in with this PIN.
    ///
    /// A PIN that the token refused is not tried again in this process, by whatever handle.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(uri: &TokenUri, pin: &[u8]) -> Result<Self, TokenError> {
        let path = uri.module_path.as_ref().ok_or_else(|| TokenError::NoModule { uri: uri.to_string() })?;
        let module = Module::load(path)?;
        let present = module.find(uri)?;
        let mut logins = module.logins();
        let token = || present.info.label().to_owned();
        match logins.get(&present.slot.id()) {
            Some(Login::Refused) => return Err(TokenError::PinRefusedBefore { token: token() }),
            Some(Login::Open(open)) => {
                if let Some(open) = open.upgrade() {
                    return Ok(Self(open));
                }
            }
            None => {}
        }
        let opened = log_in(&module, &present, pin);
        let (login, result) = match opened {
            Ok(session) => {
                let open = Arc::new(Open {
                    module: Arc::clone(&module),
                    slot: present.slot,
                    label: token(),
                    keeper: Mutex::new(session),
                });
                (Some(Login::Open(Arc::downgrade(&open))), Ok(Self(open)))
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
        TokenSigner::new(self.clone(), TokenUri::default().with_private_key(label, id), public_key)
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
        TokenSigner::new(self.clone(), uri.clone(), public_key)
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

impl Open {
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// A new session under the login.
    pub(super) fn session(&self, writing: bool) -> Result<Session, Error> {
        match writing {
            true => self.module.context.open_rw_session(self.slot),
            false => self.module.context.open_ro_session(self.slot),
        }
    }

    /// The one private key that the URI means.
    pub(super) fn private_key(&self, session: &Session, uri: &TokenUri) -> Result<ObjectHandle, TokenError> {
        let found = session
            .find_objects(&object::search(uri, ObjectClass::PRIVATE_KEY))
            .map_err(TokenError::failed(&self.label, "search its objects"))?;
        let token = || self.label.clone();
        match found[..] {
            [key] => Ok(key),
            [] => Err(TokenError::NoKey { token: token(), uri: uri.without_module().to_string() }),
            _ => Err(TokenError::SeveralKeys {
                token: token(),
                uri: uri.without_module().to_string(),
                count: found.len(),
            }),
        }
    }
}

/// Opens the session that keeps the login, and logs in: one try.
fn log_in(module: &Module, present: &Present, pin: &[u8]) -> Result<Session, TokenError> {
    let token = || present.info.label().to_owned();
    let label = token();
    if present.info.user_pin_locked() {
        return Err(TokenError::PinLocked { token: token() });
    }
    if present.info.user_pin_final_try() {
        return Err(TokenError::PinLastTry { token: token() });
    }
    let failed = |what| TokenError::failed(&label, what);
    let session = module.context.open_ro_session(present.slot).map_err(failed("open a session"))?;
    // The library wipes its copy.
    let pin = RawAuthPin::new(Box::new(pin.to_vec()));
    match session.login_with_raw(UserType::User, &pin) {
        Ok(()) => Ok(session),
        Err(Error::Pkcs11(answer, function)) => match answer {
            // Another user of the module in this process has.
            RvError::UserAlreadyLoggedIn => Ok(session),
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
                Err(TokenError::PinIncorrect { token: token(), tries: tries_left(module, present.slot) })
            }
            RvError::PinLocked => Err(TokenError::PinLocked { token: token() }),
            RvError::PinExpired => Err(TokenError::PinExpired { token: token() }),
            RvError::UserPinNotInitialized => Err(TokenError::NoPin { token: token() }),
            answer => Err(failed("log in")(Error::Pkcs11(answer, function))),
        },
        Err(error) => Err(failed("log in")(error)),
    }
}

fn tries_left(module: &Module, slot: Slot) -> PinTries {
    let Ok(info) = module.context.get_token_info(slot) else { return PinTries::Unknown };
    if info.user_pin_locked() {
        PinTries::Locked
    } else if info.user_pin_final_try() {
        PinTries::Last
    } else if info.user_pin_count_low() {
        PinTries::Fewer
    } else {
        PinTries::Unknown
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.label())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).handle();
        write!(f, "Open({:?}, session {keeper})", self.label)
    }
}
