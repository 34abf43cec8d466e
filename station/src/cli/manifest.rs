//! `station manifest`: what the cloud imports.

use std::io;
use std::path::PathBuf;

use certkit::RegistrationId;
use clap::Subcommand;
use serde::Serialize;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::manifest::{EnrollmentGroup, GroupAttestation, central_import, enrollment_group};
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

/// A manifest as one line of JSON. `--json` says so: a DPS body is itself, a CSV the value of one key.
#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    Dps(EnrollmentGroup),
    Central { csv: String },
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let (body, out) = match verb {
        Verb::Dps { order, group, verified_ca, authority, out } => {
            let attestation =
                verified_ca.map_or(GroupAttestation::Intermediate, GroupAttestation::VerifiedCa);
            let body =
                enrollment_group(&reader, &order.to_string(), &group, attestation, authority.as_deref())?;
            (Body::Dps(body), out)
        }
        Verb::Central { order, out } => {
            (Body::Central { csv: central_import(&reader, &order.to_string())? }, out)
        }
    };
    match out {
        None => {
            let text = body.text()?;
            output.data(&body, |out| write!(out, "{text}"))?;
        }
        Some(path) => {
            place::new_file(&path, body.text()?.as_bytes(), Readers::Everyone)?;
            let written = Written { file: path };
            output.data(&written, |out| writeln!(out, "{} is written", written.file.display()))?;
        }
    }
    Ok(Exit::Done)
}

impl Body {
    /// The manifest as the cloud takes it: the same text in a file and on standard output.
    fn text(&self) -> io::Result<String> {
        Ok(match self {
            Self::Dps(body) => serde_json::to_string_pretty(body)? + "\n",
            Self::Central { csv } => csv.clone(),
        })
    }
}
