//! What this crate writes and reads, against programs that no one here wrote: Espressif's own tools, another reader of NVS
//! in Rust, intelhex, binutils and openssl.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod intel_hex;
mod nvs;
mod partition_table;
mod secure_cert;
mod seeded;
mod tools;
