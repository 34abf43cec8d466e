//! What the acceptance tests share: a station in a folder of its own, simulated units, and the outsiders that judge.
//!
//! Nothing here uses the station's code: the tests see the program as its users do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be set up fails the test"
)]

mod age_key;
mod bench;
mod boards;
pub mod canary;
mod cut_off;
mod esp;
mod esp_line;
pub mod firmware;
mod judge;
mod node;
mod peer;
mod process;
mod python;
mod running;
mod shape;
mod softhsm;
pub mod strace;
pub mod swtpm;
mod symmetric;
mod terminal;
mod tpm_line;
mod tpm_maker;
mod tpm_relay;
mod tree;
mod untouched;
mod vault;

pub use age_key::AgeKey;
pub use bench::{Bench, SECRET, Simulator};
pub use boards::{WIFI_PASSWORD, label};
pub use esp::{EspBoards, esptool};
pub use esp_line::{EspProduct, NVS, SECURE_CERT, nvs, nvs_of, partition, secure_cert_contents};
pub use judge::{judge, openssl, root_certificate};
pub use node::node_tool;
pub use peer::{Holder, Peer};
pub use process::{Outcome, Station, station_binary};
pub use python::{installed_program, python_tool, python_tool_with_input, tool};
pub use running::Running;
pub use shape::{assert_shape, shape_faults};
pub use softhsm::SoftHsm;
pub use swtpm::Swtpm;
pub use symmetric::{GROUP_KEY, GROUP_KEY_BYTES, derived_keys};
pub use terminal::at_terminal;
pub use tpm_line::TPM_PRODUCT;
pub use tpm_maker::{TpmMaker, certified_by_openssl};
pub use tpm_relay::{Fate, TpmRelay};
pub use tree::{Tree, sha256};
pub use untouched::Snapshot;
pub use vault::{opened_vault, vault_identity};
