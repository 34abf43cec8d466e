//! A login on a token, and what everybody does under it: open sessions, find keys.

use std::fmt;
use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::object::{ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;

use super::error::{PinTries, TokenError};
use super::module::{Keeper, Module, Present};
use super::object;
use super::uri::TokenUri;

/// The login, and what it was made with.
pub(super) struct Open {
    pub(super) module: Arc<Module>,
    pub(super) slot: Slot,
    pub(super) label: String,
    pub(super) keeper: Arc<Keeper>,
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
pub(super) fn log_in(module: &Module, present: &Present, pin: &[u8]) -> Result<Session, TokenError> {
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

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Open({:?}, {:?})", self.label, self.keeper)
    }
}
