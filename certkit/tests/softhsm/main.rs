//! Keys in SoftHSM, judged by openssl and by OpenSC's pkcs11-tool.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod keys;
mod pins;
mod tokens;
