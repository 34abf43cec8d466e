//! How a unit that is taken by hand is reached.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::{Config, Fixture};
use crate::line::Ways;
use crate::link::PortFault;
use crate::product::{Presence, Product, ProductLink};
use crate::tpm::{Tcti, without_library_log};

/// What the ledger calls a fixture that station.toml does not name.
const BY_HAND: &str = "by hand";

/// Where the unit is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ByHand {
    /// The port that the unit is on, or comes to.
    #[arg(long, value_name = "PATH")]
    port: Option<PathBuf>,
    /// The way to its TPM, where it attests with that: device:/dev/tpm1, swtpm:host=H,port=P … Without it that of the
    /// fixture which has the port.
    #[arg(long)]
    tcti: Option<Tcti>,
    /// The fixture of station.toml that the unit is in, in the place of --port and --tcti.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["port", "tcti"])]
    fixture: Option<String>,
    /// The unit's label, where the product has labels scanned.
    #[arg(long, value_name = "VALUE", value_parser = label)]
    label: Option<String>,
}

/// A label as a scanner would give it.
fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("it is no label: give what the scanner reads, one line of text".to_owned());
    }
    Ok(text.to_owned())
}

impl ByHand {
    /// The fixture that the unit is in, or one that is made for it alone.
    pub(super) fn fixture(&self, config: &Config, product: &Product) -> Result<Fixture, Failure> {
        self.has_no_more(product)?;
        let known = match &self.fixture {
            Some(name) => Some(config.fixture(name)?),
            None => config.fixtures.iter().find(|fixture| self.is_in(fixture)),
        };
        let fixture = Fixture {
            name: known.map_or(BY_HAND, |fixture| &fixture.name).to_owned(),
            port: self.port.clone().or_else(|| known?.port.clone()),
            tcti: self.tcti.clone().or_else(|| known?.tcti.clone()),
            scanner: None,
        };
        match Ways::of(product, &fixture) {
            Ok(_) => Ok(fixture),
            Err(PortFault::NoPort(_)) => Err(Failure::usage(format!(
                "units of product {} are spoken to on a port: give the unit's as --port",
                product.file
            ))),
            Err(PortFault::NoTcti(_)) => Err(Failure::usage(format!(
                "units of product {} attest with their TPM: give the way to the unit's as --tcti",
                product.file
            ))),
            Err(fault) => Err(fault.into()),
        }
    }

    /// What is given and leads nowhere is a mistake.
    fn has_no_more(&self, product: &Product) -> Result<(), Failure> {
        let file = &product.file;
        if self.tcti.is_some() && product.attestation.tpm().is_none() {
            return Err(Failure::usage(format!("product {file} asks no TPM: leave --tcti out")));
        }
        if self.port.is_some() && matches!(product.link, ProductLink::Tpm) {
            let say = format!("units of product {file} are reached by their TPM alone: leave --port out");
            return Err(Failure::usage(say));
        }
        Ok(())
    }

    /// The unit's label, where its product has it scanned.
    pub(super) fn label(&self, product: &Product) -> Result<Option<String>, Failure> {
        match (product.presence, &self.label) {
            (Presence::Scan, None) => Err(Failure::usage(format!(
                "product {} has each unit's label scanned: give the unit's as --label",
                product.file
            ))),
            (Presence::Usb | Presence::Poll, Some(_)) => {
                Err(Failure::usage(format!("product {} scans no labels: leave --label out", product.file)))
            }
            (_, label) => Ok(label.clone()),
        }
    }

    fn is_in(&self, fixture: &Fixture) -> bool {
        // A port that comes with its unit is not there yet, but its name is known.
        let name = |port: &Path| std::path::absolute(port).ok();
        let device = |port: &Path| port.canonicalize().ok();
        match (&self.port, &fixture.port) {
            (Some(port), Some(known)) => {
                name(port).is_some_and(|it| Some(it) == name(known))
                    || device(port).is_some_and(|it| Some(it) == device(known))
            }
            _ => self.tcti.is_some() && self.tcti == fixture.tcti,
        }
    }
}

/// What a fault of a port that was named by hand means.
pub(super) fn port_failure(fault: PortFault) -> Failure {
    match fault {
        PortFault::Missing(path) => Failure::input(format!(
            "port {} is not there: plug the unit in, or give another --port",
            path.display()
        )),
        fault => fault.into(),
    }
}

/// Where units attest with their TPMs, this program must be able to reach them, and its library must not log. To be called
/// before any secret is there, and before any thread.
pub(super) fn ready_for(product: &Product) -> Result<(), Failure> {
    match product.attestation.tpm() {
        Some(_) => Ok(without_library_log()?),
        None => Ok(()),
    }
}
