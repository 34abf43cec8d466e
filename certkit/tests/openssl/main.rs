//! What certkit makes, judged by openssl.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod chains;
mod endorsement;
mod formats;
mod keys;
mod made;
mod profiles;
mod requests;
