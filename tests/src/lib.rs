//! What the acceptance tests share: a station in a folder of its own, simulated units, and the outsiders that judge.
//!
//! Nothing here uses the station's code: the tests see the program as its users do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be set up fails the test"
)]

mod bench;
mod judge;
mod process;
mod tree;

pub use bench::{Bench, SECRET, Simulator};
pub use judge::{openssl, root_certificate};
pub use process::{Outcome, Station, station_binary};
pub use tree::{Tree, sha256};
