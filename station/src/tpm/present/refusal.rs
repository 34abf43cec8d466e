//! What the library's response codes mean.

use tss_esapi::constants::response_code::Tss2ResponseCodeKind as Kind;
use tss_esapi::{Error, WrapperErrorKind};

use crate::tpm::{Hierarchy, TpmError};

/// What is being done, as errors say it, and on whose authority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    what: &'static str,
    hierarchy: Option<Hierarchy>,
}

impl Act {
    /// On nobody's authority, or an object's own.
    pub(super) fn plain(what: &'static str) -> Self {
        Self { what, hierarchy: None }
    }

    /// On a hierarchy's.
    pub(super) fn of(hierarchy: Hierarchy, what: &'static str) -> Self {
        Self { what, hierarchy: Some(hierarchy) }
    }
}

/// An answer without the thing that was asked for.
pub(super) fn nothing() -> Error {
    Error::WrapperError(WrapperErrorKind::WrongValueFromTpm)
}

/// Sorts what a TPM, or the way to it, answered.
pub(super) fn from_answer(error: Error, act: Act) -> TpmError {
    let Act { what, hierarchy } = act;
    let Error::Tss2Error(code) = error else {
        return TpmError::Command { act: what, source: Box::new(error) };
    };
    match (code.kind(), hierarchy) {
        // Codes of TPMs are known; what is left are those of the way to it.
        (None, _) => TpmError::Gone { act: what, source: Box::new(error) },
        (Some(Kind::Initialize), _) => TpmError::NotStarted,
        (Some(Kind::Failure), _) => TpmError::Failed,
        (Some(Kind::NvDefined), _) => TpmError::Overtaken,
        (Some(Kind::Lockout), _) => TpmError::LockedOut,
        (Some(Kind::BadAuth | Kind::AuthFail), Some(hierarchy)) => TpmError::WrongAuth { hierarchy },
        (Some(Kind::BadAuth | Kind::AuthFail), None) => TpmError::Refused { act: what },
        (
            Some(
                Kind::ObjectMemory
                | Kind::SessionMemory
                | Kind::Memory
                | Kind::ObjectHandles
                | Kind::SessionHandles
                | Kind::ContextGap,
            ),
            _,
        ) => TpmError::NoSlot { act: what },
        _ => TpmError::Command { act: what, source: Box::new(error) },
    }
}
