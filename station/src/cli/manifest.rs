//! `station manifest`: what the cloud imports.

use std::path::PathBuf;

use certkit::RegistrationId;
use clap::Subcommand;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::manifest::{GroupAttestation, central_import, enrollment_group};
use crate::order::OrderName;
use crate::place::{self, Readers};

/// Manifests for accepted units, derived from the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The body of an X.509 enrollment group: PUT /enrollmentGroups/{group}.
    Dps {
        /// The order.
        order: OrderName,
        /// The enrollment group's ID.
        #[arg(long)]
        group: RegistrationId,
        /// Name of the CA certificate that was uploaded to DPS and verified there. Without it the body carries the
        /// intermediate.
        #[arg(long, value_name = "NAME")]
        verified_ca: Option<String>,
        /// Label of the issuing authority, where several issued the order's certificates.
        #[arg(long, value_name = "LABEL")]
        authority: Option<String>,
        /// Write a new file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// The CSV that IoT Central imports devices from.
    Central {
        /// The order.
        order: OrderName,
        /// Write a new file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let (text, out) = match verb {
        Verb::Dps { order, group, verified_ca, authority, out } => {
            let attestation =
                verified_ca.map_or(GroupAttestation::Intermediate, GroupAttestation::VerifiedCa);
            let body =
                enrollment_group(&reader, &order.to_string(), &group, attestation, authority.as_deref())?;
            let json = serde_json::to_string_pretty(&body).map_err(std::io::Error::from)?;
            (json + "\n", out)
        }
        Verb::Central { order, out } => (central_import(&reader, &order.to_string())?, out),
    };
    match out {
        None => output.text(&text)?,
        Some(path) => {
            place::new_file(&path, text.as_bytes(), Readers::Everyone)?;
            output.talk(format!("{} is written", path.display()));
        }
    }
    Ok(Exit::Done)
}
