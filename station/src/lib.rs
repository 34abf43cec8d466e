//! The factory station: takes an order, issues each unit's credential, writes it into the unit, proves that
//! the unit holds it, and keeps the ledger from which every manifest is derived.
//!
//! The product on one screen is [`mod@line`]; how the modules hang together is in `ARCHITECTURE.md`.

pub mod ahead;
pub mod authority;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
mod core_dumps;
pub mod data_file;
pub mod delivery;
pub mod error_text;
pub mod event;
pub mod explain;
pub mod hsm;
pub mod ledger;
pub mod line;
pub mod link;
pub mod manifest;
pub mod order;
pub mod place;
pub mod placeholders;
pub mod product;
pub mod profile;
pub mod roll_over;
pub mod scan;
#[cfg(target_os = "linux")]
pub mod simulator;
pub mod template;
pub mod tpm;
pub mod unit;
pub mod vault;
