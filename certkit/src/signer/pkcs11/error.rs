//! Why a token did not do what was asked.

use std::fmt;
use std::path::PathBuf;

use cryptoki::error::Error;
use thiserror::Error;

use crate::{KeyAlgorithm, SignerError};

/// Why a token did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The URI does not say which library speaks with the token.
    #[error(
        "`{uri}` names no module: add ?module-path= and the file of the PKCS#11 library of the token's maker"
    )]
    NoModule {
        /// The URI.
        uri: String,
    },
    /// The library cannot be loaded, or is no PKCS#11 module.
    #[error("the PKCS#11 module {path} cannot be used: check the path, and that its software is installed")]
    Module {
        /// Its file.
        path: PathBuf,
        /// What was said.
        source: TokenCause,
    },
    /// The library is a PKCS#11 module and does not start.
    #[error(
        "the PKCS#11 module {path} does not start: see that its token and its configuration are there, then start again"
    )]
    NotStarted {
        /// Its file.
        path: PathBuf,
        /// What it answered.
        source: TokenCause,
    },
    /// No token fits.
    #[error("no token fits `{uri}`: {}; plug the token in, or correct the URI", there(.found))]
    NotFound {
        /// The URI.
        uri: String,
        /// The tokens that are there.
        found: Vec<String>,
    },
    /// Several tokens fit.
    #[error("several tokens fit `{uri}`: {}; add serial= or what else tells them apart", there(.found))]
    Several {
        /// The URI.
        uri: String,
        /// The tokens that fit.
        found: Vec<String>,
    },
    /// The PIN is wrong.
    #[error(
        "token {token} refused the PIN, which is not tried again: import the right one into the vault; {tries}"
    )]
    PinIncorrect {
        /// The token.
        token: String,
        /// What the token says of the tries that are left.
        tries: PinTries,
    },
    /// The PIN was refused earlier in this process.
    #[error(
        "token {token} refused the PIN a moment ago, and it is not tried again: import the right one into the vault"
    )]
    PinRefusedBefore {
        /// The token.
        token: String,
    },
    /// The token is open in this process, with another PIN.
    #[error(
        "token {token} is open with another PIN, and it has only one: name the same PIN for all its keys"
    )]
    OtherPin {
        /// The token.
        token: String,
    },
    /// One more wrong PIN locks the token.
    #[error(
        "token {token} has one PIN try left, and no program should take it: log in once by hand, with the tool of the \
         token's maker, then try again"
    )]
    PinLastTry {
        /// The token.
        token: String,
    },
    /// The PIN is locked.
    #[error("the PIN of token {token} is locked after wrong tries: have its security officer set a new one")]
    PinLocked {
        /// The token.
        token: String,
    },
    /// The PIN has expired.
    #[error(
        "the PIN of token {token} has expired: set a new one with the tool of the token's maker, and import it into the vault"
    )]
    PinExpired {
        /// The token.
        token: String,
    },
    /// The token has no user PIN yet.
    #[error("token {token} has no user PIN yet: have its security officer set one")]
    NoPin {
        /// The token.
        token: String,
    },
    /// The key's name is taken.
    #[error(
        "token {token} has an object {label:?} or with its id already, and nothing there is overwritten: take another label"
    )]
    Exists {
        /// The token.
        token: String,
        /// The object's label.
        label: String,
    },
    /// The token has no such key.
    #[error("token {token} has no key for `{uri}`: restore it from the token's backup, or correct the URI")]
    NoKey {
        /// The token.
        token: String,
        /// The URI.
        uri: String,
    },
    /// The token has several such keys.
    #[error("token {token} has {count} keys for `{uri}`: name one by object and id")]
    SeveralKeys {
        /// The token.
        token: String,
        /// The URI.
        uri: String,
        /// How many.
        count: usize,
    },
    /// The URI means something else than a private key.
    #[error("`{uri}` names no private key: leave `type` out, or write type=private")]
    NoPrivateKey {
        /// The URI.
        uri: String,
    },
    /// The key's public half cannot be used.
    #[error(
        "the public key of {label:?} on token {token} is of no kind that is used here, or cannot be read: make a key with this program"
    )]
    PublicKey {
        /// The token.
        token: String,
        /// The object's label.
        label: String,
    },
    /// The token does not make such keys.
    #[error("token {token} makes no keys of kind {algorithm}: choose another kind")]
    NotOffered {
        /// The token.
        token: String,
        /// The kind.
        algorithm: KeyAlgorithm,
        /// What the module answered.
        source: TokenCause,
    },
    /// A key that was just made is not protected as asked.
    #[error(
        "token {token} made a key that is {what}, which a CA key must not be; it was destroyed: use a token that keeps its keys"
    )]
    Unprotected {
        /// The token.
        token: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The token did not do it.
    #[error("token {token} did not {what}: see that it is plugged in and answers, then start again")]
    Failed {
        /// The token.
        token: String,
        /// What it was to do.
        what: &'static str,
        /// What the module answered.
        source: TokenCause,
    },
    /// What it gave as a signature is none.
    #[error(
        "token {token} gave {octets} octets that are no signature: see whether it is the right module, then start again"
    )]
    NoSignature {
        /// The token.
        token: String,
        /// How many octets.
        octets: usize,
    },
}

impl TokenError {
    /// Whether the token is at fault (gone, or not answering), and not what it was asked.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. }
                | Self::NotStarted { .. }
                | Self::NoSignature { .. }
                | Self::Unprotected { .. }
        )
    }

    pub(super) fn failed(token: &str, what: &'static str) -> impl Fn(Error) -> Self {
        move |error| Self::Failed { token: token.to_owned(), what, source: error.into() }
    }
}

impl From<TokenError> for SignerError {
    fn from(error: TokenError) -> Self {
        Self::Token(Box::new(error))
    }
}

fn there(found: &[String]) -> String {
    match found {
        [] => "the module shows no token".to_owned(),
        found => format!("there are {}", found.join(", ")),
    }
}

/// What a token says of the PIN tries that are left. PKCS#11 has flags for it and no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinTries {
    /// The token does not tell.
    Unknown,
    /// Fewer than at first.
    Fewer,
    /// One.
    Last,
    /// None: it is locked.
    Locked,
}

impl fmt::Display for PinTries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the token does not tell how many tries are left",
            Self::Fewer => "the token says that a try is used up, and not how many are left",
            Self::Last => "the token says that one try is left",
            Self::Locked => "the token says that the PIN is locked now",
        })
    }
}

/// What the module, or the system that was to load it, answered.
#[derive(Debug)]
pub struct TokenCause(Error);

impl From<Error> for TokenCause {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for TokenCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // The library's own text is the standard's whole paragraph.
            Error::Pkcs11(answer, function) => write!(f, "the module answered {answer:?} to {function:?}"),
            Error::LibraryLoading(error) => error.fmt(f),
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for TokenCause {}
