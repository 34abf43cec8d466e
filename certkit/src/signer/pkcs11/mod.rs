//! Keys in a token (an HSM, a smart card, SoftHSM), spoken to through PKCS#11. The key never comes out.
//!
//! The module, a library that the token's maker gives, is loaded when the first token behind it is opened, and stays
//! loaded. PKCS#11 knows one login a process and token; so does [`Token`].

mod error;
mod module;
mod object;
mod open;
mod pool;
mod token;
mod token_signer;
mod uri;

pub use error::{PinTries, TokenCause, TokenError};
pub use token::Token;
pub use token_signer::TokenSigner;
pub use uri::{ObjectType, TokenUri, TokenUriError};
