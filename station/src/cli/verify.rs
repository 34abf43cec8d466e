//! `station verify`: one unit against the ledger. Nothing is written.

use std::io::{self, Write};

use clap::Args as ClapArgs;

use super::by_hand::{ByHand, port_failure, ready_for};
use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::run::{product, stop_on_signals};
use super::set_up::SetUp;
use super::{Exit, Failure, Output};
use crate::ledger::IdentityState;
use crate::line::{Examined, ItemResult, Report, ReportVerdict, Verification};
use crate::link::{DeviceLink, Leaving};
use crate::order::OrderName;
use crate::product::ProductLink;

/// Compares the unit on a port with the ledger. Writes nothing, and works beside a run.
///
/// Exit code 0: all that can be asked for agrees, and the unit proves its credential. What it shows is what it holds now: it is
/// not restarted first. Only a unit whose loader is asked (an ESP32) is reset into that, where the port has DTR and RTS;
/// afterwards one that is live boots its application, whatever was found, and any other stays in its loader, which is told.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The order that the unit belongs to.
    order: OrderName,
    #[command(flatten)]
    by_hand: ByHand,
    #[command(flatten)]
    unlock: Unlock,
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let config = context.config()?;
    let reader = context.reader()?;
    let name = args.order.to_string();
    let order = reader.order(&name)?.ok_or_else(|| super::order::unknown(&args.order))?;
    let product = product(context, &order)?;
    ready_for(&product)?;
    let fixture = args.by_hand.fixture(&config, &product)?;
    let label = args.by_hand.label(&product)?;
    let vault = context.unlocked(args.unlock)?;
    let keyring = Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &reader };
    let set_up = SetUp::of(&keyring, product)?;

    let instruments = set_up.instruments();
    let stop = stop_on_signals(output)?;
    let mut link = instruments.open(&fixture, stop).map_err(port_failure)?;
    let verification = Verification { instruments, order: &name, reader: &reader };
    let report = look(&verification, label, &keyring, link.as_mut());
    let live = matches!(&report, Ok(report) if report.state == Some(IdentityState::Live));
    // The verdict stands; a unit that was pulled out has no session left to end.
    let left = link.leave(if live { Leaving::Accepted } else { Leaving::Unfinished });
    let report = report?;
    output.data(&report, |out| write_report(&report, out))?;
    let has_loader = matches!(instruments.product.link, ProductLink::Loader { .. });
    if has_loader && report.hardware_id.is_some() && !(live && left.is_ok()) {
        output.talk("the unit stays in its loader: reset it to let it run what it holds");
    }
    Ok(if report.verdict == ReportVerdict::Proven { Exit::Done } else { Exit::UnitFailed })
}

fn look(
    verification: &Verification<'_>,
    label: Option<String>,
    keyring: &Keyring<'_>,
    link: &mut dyn DeviceLink,
) -> Result<Report, Failure> {
    let present = verification.identify(label, link)?;
    let Verification { instruments, order, .. } = verification;
    let keys = match present.credential() {
        Some(record) => keyring.keys_behind(&record.credential, instruments.product, order)?,
        None => None,
    };
    Ok(verification.judge(present, keys.as_ref(), link)?)
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let unit = report.hardware_id.as_deref().unwrap_or("unknown");
    write!(out, "unit {unit}: ")?;
    match (&report.registration_id, &report.state) {
        (Some(id), Some(state)) => {
            let state = serde_json::to_string(state)?;
            writeln!(out, "{id}, {}", state.trim_matches('"'))?;
        }
        _ => writeln!(out, "no identity")?,
    }
    if let Some(locks) = &report.locks {
        writeln!(out, "  locked: {locks}")?;
    }
    report.items.iter().try_for_each(|item| writeln!(out, "  {}", item_line(item)))?;
    match &report.reason {
        None => match report.items.iter().filter(|item| item.result == ItemResult::NotAsked).count() {
            0 => writeln!(out, "PROVEN as it stands, without a restart"),
            unasked => writeln!(
                out,
                "PROVEN as it stands, without a restart, but for what was not asked: {unasked} of {} items",
                report.items.len()
            ),
        },
        Some(reason) => writeln!(out, "NOT PROVEN, as it stands: {reason}"),
    }
}

fn item_line(examined: &Examined) -> String {
    let Examined { item, grade, result, reason } = examined;
    let result = match result {
        ItemResult::Agrees => "agrees",
        ItemResult::Differs => "DIFFERS",
        ItemResult::NotAsked => "not asked",
    };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{item:<20} {:<13} {result}{reason}", grade.to_string())
}
