//! The factory station: takes an order, issues each unit's credential, writes it into the unit, proves that
//! the unit holds it, and keeps the ledger from which every manifest is derived.
//!
//! The product on one screen is [`line`]; how the modules hang together is in `ARCHITECTURE.md`.

pub mod cli;
#[cfg(unix)]
pub mod simulator;
