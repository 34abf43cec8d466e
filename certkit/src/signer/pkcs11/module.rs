//! Modules: each is loaded once a process, and remembers which tokens are logged in and which refused their PIN.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};
use zeroize::Zeroizing;

use super::error::TokenError;
use super::uri::TokenUri;

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// A loaded module.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) context: Pkcs11,
    /// By slot.
    logins: Mutex<BTreeMap<u64, Login>>,
}

/// What became of the one login that PKCS#11 has for a process and token.
#[derive(Debug)]
pub(super) enum Login {
    /// Logged in, for as long as somebody holds the token.
    Open(Weak<Keeper>),
    /// The PIN was refused.
    Refused,
}

/// The session that keeps a login: PKCS#11 logs a process out when its last session is closed.
pub(super) struct Keeper {
    session: Mutex<Session>,
    pin: Zeroizing<Vec<u8>>,
}

impl Keeper {
    pub(super) fn new(session: Session, pin: &[u8]) -> Self {
        Self { session: Mutex::new(session), pin: Zeroizing::new(pin.to_vec()) }
    }

    /// Whether the login was made with this PIN: a token that is logged in asks for none.
    pub(super) fn is_of(&self, pin: &[u8]) -> bool {
        verify_slices_are_equal(&self.pin, pin).is_ok()
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).handle();
        write!(f, "session {session}")
    }
}

/// A token that is there.
pub(super) struct Present {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
}

impl Module {
    /// The module of this file, loaded now or earlier.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, TokenError> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(path) {
            return Ok(Arc::clone(module));
        }
        let file = || path.to_owned();
        let context =
            Pkcs11::new(path).map_err(|error| TokenError::Module { path: file(), source: error.into() })?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Somebody else in this process uses it, by another path of the same file.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(TokenError::NotStarted { path: file(), source: error.into() }),
        }
        let module = Arc::new(Self { context, logins: Mutex::default() });
        modules.insert(path.to_owned(), Arc::clone(&module));
        Ok(module)
    }

    /// The one token that fits the URI.
    pub(super) fn find(&self, uri: &TokenUri) -> Result<Present, TokenError> {
        let unknown = || uri.token.clone().unwrap_or_default();
        let slots = self
            .context
            .get_slots_with_token()
            .map_err(|error| TokenError::failed(&unknown(), "show itself")(error))?;
        let there: Vec<Present> = slots
            .into_iter()
            // A token that went away in between is not there.
            .filter_map(|slot| Some(Present { slot, info: self.context.get_token_info(slot).ok()? }))
            .filter(|present| present.info.token_initialized())
            .collect();
        let (mut fit, others): (Vec<_>, Vec<_>) = there.into_iter().partition(|present| present.fits(uri));
        let shown = |tokens: &[Present]| tokens.iter().map(Present::shown).collect();
        match (fit.pop(), fit.is_empty()) {
            (Some(present), true) => Ok(present),
            (Some(present), false) => {
                fit.push(present);
                Err(TokenError::Several { uri: uri.to_string(), found: shown(&fit) })
            }
            (None, _) => Err(TokenError::NotFound { uri: uri.to_string(), found: shown(&others) }),
        }
    }

    /// The logins of this module; held while a login is made, so that two threads never try a wrong PIN twice.
    pub(super) fn logins(&self) -> MutexGuard<'_, BTreeMap<u64, Login>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    fn fits(&self, uri: &TokenUri) -> bool {
        let fits = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
        fits(&uri.token, self.info.label())
            && fits(&uri.manufacturer, self.info.manufacturer_id())
            && fits(&uri.model, self.info.model())
            && fits(&uri.serial, self.info.serial_number())
    }

    /// As errors show it.
    fn shown(&self) -> String {
        let info = &self.info;
        format!(
            "{:?} ({} {}, serial {})",
            info.label(),
            info.manufacturer_id(),
            info.model(),
            info.serial_number()
        )
    }
}
