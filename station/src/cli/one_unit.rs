//! One unit, taken to its verdict by hand, exactly as a run takes it.

use std::time::Duration;

use super::by_hand::{ByHand, port_failure, ready_for};
use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::run::{Screen, product, stop_on_signals};
use super::set_up::SetUp;
use super::{Failure, Output};
use crate::config::Fixture;
use crate::event::{Event, Outcome};
use crate::line::{Closing, Run, RunOptions, Until};
use crate::link::{Stop, StopSignal};
use crate::order::OrderName;
use crate::product::{Product, ProductLink};
use crate::scan::Scans;

/// The unit, and how long it is waited for.
#[derive(Debug, clap::Args)]
pub(super) struct OneUnit {
    #[command(flatten)]
    by_hand: ByHand,
    /// Wait for the unit for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    #[command(flatten)]
    unlock: Unlock,
}

/// What came of it.
pub(super) enum Taken {
    /// It is accepted, now or again, with this registration ID.
    Accepted(String),
    /// It is not.
    Failed,
    /// A person stopped it before a unit came.
    Stopped,
}

/// Who takes it, and what that asks of the product.
pub(super) struct Purpose {
    /// The verb: who holds the ledger's lock meanwhile.
    pub(super) verb: &'static str,
    /// Whether events are talk, since standard output is for something else.
    pub(super) aside: bool,
    /// Refuses products that it is not for.
    pub(super) fits: fn(&Product) -> Result<(), Failure>,
}

impl OneUnit {
    pub(super) fn take(
        self,
        order: &OrderName,
        purpose: &Purpose,
        context: &Context,
        output: &Output,
    ) -> Result<Taken, Failure> {
        let config = context.config()?;
        let reader = context.reader()?;
        let name = order.to_string();
        let record = reader.order(&name)?.ok_or_else(|| super::order::unknown(order))?;
        let product = product(context, &record)?;
        (purpose.fits)(&product)?;
        ready_for(&product)?;
        let fixtures = [self.by_hand.fixture(&config, &product)?];
        let label = self.by_hand.label(&product)?;
        let owner = context.owner(purpose.verb)?;
        let vault = context.unlocked(self.unlock)?;
        let keyring = Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &reader };
        let attestation = keyring.attestation(&product, &name)?;
        let set_up = SetUp::of(&keyring, product)?;

        let (ledger_file, transcripts) = (context.folder.ledger(), context.folder.transcripts());
        let line = set_up.line(&name, &attestation, &ledger_file);
        let stop = stop_on_signals(output)?;
        let options = RunOptions {
            fixtures: &fixtures,
            transcripts: &transcripts,
            until: Until::OneVerdict,
            patience: Duration::from_secs(self.patience),
            stop: stop.clone(),
            scans: label.map(Scans::of).into_iter().collect(),
        };
        let screen = if purpose.aside { Screen::aside } else { Screen::new };
        let mut screen = screen(output, &fixtures);
        let mut taken = None;
        let ended = Run::new(line, options).run(&owner.ledger(), |event| {
            if let Event::Verdict(verdict) = event {
                let passed = matches!(verdict.outcome, Outcome::Accepted { .. });
                taken = Some(verdict.registration_id.clone().filter(|_| passed));
            }
            // Of one fixture the exit code and its message tell why it closed.
            if output.json() || !matches!(event, Event::FixtureClosed { .. }) {
                screen.show(event);
            }
        })?;
        // Whoever read standard output may have gone; the exit code still tells.
        let _ = screen.end(&ended.summary);
        match taken {
            Some(Some(registration_id)) => Ok(Taken::Accepted(registration_id)),
            Some(None) => Ok(Taken::Failed),
            None => no_unit(&set_up.product.link, &fixtures[0], &stop, ended.closings, output),
        }
    }
}

fn no_unit(
    link: &ProductLink,
    fixture: &Fixture,
    stop: &StopSignal,
    closings: Vec<Closing>,
    output: &Output,
) -> Result<Taken, Failure> {
    if stop.get() != Stop::No {
        output.talk("stopped: no unit was taken");
        return Ok(Taken::Stopped);
    }
    let ready = match link {
        ProductLink::Loader { .. } => "has power and its boot pin is held",
        ProductLink::Tpm => "has power; `station tpm show --tcti …` tells what its TPM says",
        _ => "is powered and booted",
    };
    Err(match closings.into_iter().next() {
        Some(Closing { port: Some(fault), .. }) => port_failure(fault),
        Some(Closing { reason, port: None }) => Failure::input(format!(
            "nobody answers on {}: {reason}; check that the unit {ready}",
            fixture.place()
        )),
        None => Failure::input(format!("nobody answers on {}", fixture.place())),
    })
}
