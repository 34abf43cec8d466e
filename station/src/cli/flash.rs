//! `station flash`: one unit, by hand, exactly as a run takes it.

mod explained;

use std::time::Duration;

use certkit::RegistrationId;
use clap::Args as ClapArgs;

use super::by_hand::{ByHand, place_of, port_failure, ready_for};
use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::run::{Screen, product, stop_on_signals};
use super::set_up::SetUp;
use super::{Exit, Failure, Output};
use crate::config::Fixture;
use crate::event::{Event, Outcome};
use crate::line::{Closing, Run, RunOptions, Until};
use crate::link::{Stop, StopSignal};
use crate::order::OrderName;
use crate::product::{Presence, Product, ProductLink};
use crate::scan::Scans;

/// Takes one unit to its verdict, as `station run` does.
///
/// Exit code 0: the unit is accepted, now or again. --explain tells what would be written, and touches nothing.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The order.
    order: OrderName,
    #[command(flatten)]
    by_hand: ByHand,
    /// The unit's label, where the product has labels scanned.
    #[arg(long, value_name = "VALUE", value_parser = label)]
    label: Option<String>,
    /// Wait for the unit for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    /// List what would be written, secrets left out, and touch nothing.
    #[arg(long, conflicts_with_all = ["port", "tcti", "label", "patience", "unlock_fd"])]
    explain: bool,
    /// Of this identity; without it of the order's next.
    #[arg(long, value_name = "ID", requires = "explain")]
    registration_id: Option<RegistrationId>,
    #[command(flatten)]
    unlock: Unlock,
}

/// A label as a scanner would give it.
pub(super) fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("it is no label: give what the scanner reads, one line of text".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    if args.explain {
        return explained::run(&args.order, args.registration_id.as_ref(), context, output);
    }
    let config = context.config()?;
    let reader = context.reader()?;
    let name = args.order.to_string();
    let order = reader.order(&name)?.ok_or_else(|| super::order::unknown(&args.order))?;
    let product = product(context, &order)?;
    ready_for(&product)?;
    let fixtures = [args.by_hand.fixture(&config, &product)?];
    let label = label_for(&product, args.label.as_deref())?;
    let owner = context.owner("flash")?;
    let vault = context.unlocked(args.unlock)?;
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
        patience: Duration::from_secs(args.patience),
        stop: stop.clone(),
        scans: label.map(Scans::of).into_iter().collect(),
    };
    let mut screen = Screen::new(output, &fixtures);
    let mut accepted = None;
    let ended = Run::new(line, options).run(&owner.ledger(), |event| {
        if let Event::Verdict(verdict) = event {
            accepted = Some(matches!(verdict.outcome, Outcome::Accepted { .. }));
        }
        // Of one fixture the exit code and its message tell why it closed.
        if output.json() || !matches!(event, Event::FixtureClosed { .. }) {
            screen.show(event);
        }
    })?;
    // Whoever read standard output may have gone; the exit code still tells.
    let _ = screen.end(&ended.summary);
    match accepted {
        Some(true) => Ok(Exit::Done),
        Some(false) => Ok(Exit::UnitFailed),
        None => no_unit(&set_up.product.link, &fixtures[0], &stop, ended.closings, output),
    }
}

/// The label of a unit whose product has it scanned.
pub(super) fn label_for(product: &Product, label: Option<&str>) -> Result<Option<String>, Failure> {
    match (product.presence, label) {
        (Presence::Scan, None) => Err(Failure::usage(format!(
            "product {} has each unit's label scanned: give the unit's as --label",
            product.file
        ))),
        (Presence::Usb | Presence::Poll, Some(_)) => {
            Err(Failure::usage(format!("product {} scans no labels: leave --label out", product.file)))
        }
        (_, label) => Ok(label.map(str::to_owned)),
    }
}

fn no_unit(
    link: &ProductLink,
    fixture: &Fixture,
    stop: &StopSignal,
    closings: Vec<Closing>,
    output: &Output,
) -> Result<Exit, Failure> {
    if stop.get() != Stop::No {
        output.talk("stopped: no unit was taken");
        return Ok(Exit::UnitFailed);
    }
    let ready = match link {
        ProductLink::Loader { .. } => "has power and its boot pin is held",
        _ => "is powered and booted",
    };
    Err(match closings.into_iter().next() {
        Some(Closing { port: Some(fault), .. }) => port_failure(fault),
        Some(Closing { reason, port: None }) => Failure::input(format!(
            "nobody answers on {}: {reason}; check that the unit {ready}",
            place_of(fixture)
        )),
        None => Failure::input(format!("nobody answers on {}", place_of(fixture))),
    })
}
