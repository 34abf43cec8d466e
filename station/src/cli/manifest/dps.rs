//! `station manifest dps`: enrollment groups and individual enrollments.

use std::collections::BTreeSet;
use std::path::PathBuf;

use certkit::RegistrationId;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, ValueEnum};

use super::super::context::{Context, Unlock, recipients};
use super::super::{Exit, Failure, Output};
use super::{bodies, pretty, print};
use crate::manifest::{
    BulkMode, EnrollmentOptions, Enrollments, GroupAttestation, ManifestError, Marked, ProvisioningStatus,
    enrollment_group, individual_enrollments, marked, needs_delivery,
};
use crate::order::OrderName;
use crate::vault::Recipient;

/// What DPS takes: the body of an X.509 enrollment group, or individual enrollments.
///
/// Individual enrollments with symmetric keys are a delivery: it is sealed, is recorded in the ledger and has a number;
/// `station manifest acknowledge NUMBER` ends it.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("kind").required(true).args(["group", "individual"])))]
pub(in crate::cli) struct Args {
    /// The order.
    pub(super) order: OrderName,
    /// An enrollment group's body, with this ID: PUT /enrollmentGroups/{group}.
    #[arg(long)]
    group: Option<RegistrationId>,
    /// An enrollment for each accepted unit, and each identity that was handed over: PUT /enrollments/{registrationId}.
    #[arg(long)]
    individual: bool,
    /// Name of the CA certificate that was uploaded to DPS and verified there. Without it a group's body carries the
    /// intermediate, an individual one the leaf.
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), value_name = "NAME")]
    pub(super) verified_ca: Option<String>,
    /// Label of the issuing authority, where several issued the order's certificates.
    #[arg(long, value_name = "LABEL", conflicts_with = "individual")]
    authority: Option<String>,
    /// Bulk operations of at most ten enrollments: POST /enrollments.
    #[arg(long, conflicts_with = "group")]
    pub(super) bulk: bool,
    /// Name the device ID in each enrollment. Without it DPS takes the registration ID.
    #[arg(long, value_enum, conflicts_with = "group")]
    device_id: Option<DeviceId>,
    /// The devices are IoT Edge gateways.
    #[arg(long, conflicts_with = "group")]
    iot_edge: bool,
    /// Name the storage root key of each unit's TPM beside its endorsement key.
    #[arg(long, conflicts_with = "group")]
    storage_root_key: bool,
    /// Whether the devices may register.
    #[arg(long, value_enum, default_value_t = Status::Enabled, conflicts_with = "group")]
    status: Status,
    /// Seal symmetric keys for this age recipient; again for more.
    // Read later: clap would show a private key that was given by mistake.
    #[arg(long, value_name = "AGE1…", conflicts_with = "group")]
    pub(super) recipient: Vec<String>,
    /// Deliver symmetric keys in clear: to a pipe, or a new file for its owner alone.
    #[arg(long, conflicts_with_all = ["group", "recipient"])]
    pub(super) clear: bool,
    /// Only what has not arrived with an earlier delivery.
    #[arg(long, conflicts_with = "group")]
    pub(super) rest: bool,
    /// Write here instead of standard output: a new file; for individual enrollments without keys a new folder.
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) unlock: Unlock,
}

/// Which device ID an enrollment names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceId {
    /// The registration ID.
    Same,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// They may.
    Enabled,
    /// They may not.
    Disabled,
}

impl Args {
    pub(super) fn options(&self) -> EnrollmentOptions {
        EnrollmentOptions {
            device_id: self.device_id == Some(DeviceId::Same),
            iot_edge: self.iot_edge,
            storage_root_key: self.storage_root_key,
            status: match self.status {
                Status::Enabled => ProvisioningStatus::Enabled,
                Status::Disabled => ProvisioningStatus::Disabled,
            },
        }
    }

    pub(super) fn recipients(&self) -> Result<Vec<Recipient>, Failure> {
        recipients(&self.recipient)
    }
}

/// Whether what is asked for carries keys: then it is a delivery.
pub(super) fn carries_keys(args: &Args, context: &Context) -> Result<bool, Failure> {
    Ok(args.group.is_none() && needs_delivery(&context.reader()?, &args.order.to_string())?)
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let order = args.order.to_string();
    match &args.group {
        Some(group) => {
            let attestation =
                args.verified_ca.map_or(GroupAttestation::Intermediate, GroupAttestation::VerifiedCa);
            let reader = context.reader()?;
            let body = enrollment_group(&reader, &order, group, attestation, args.authority.as_deref())?;
            print(&body, &pretty(&body)?, args.out.as_deref(), output)?;
        }
        None => individual(&args, &order, context, output)?,
    }
    Ok(Exit::Done)
}

/// An enrollment says nothing of it: only the ledger knows which devices were never seen here.
pub(super) fn talk_of_handed_over(context: &Context, order: &str, output: &Output) -> Result<(), Failure> {
    let handed_over = context.reader()?.count_handed_over(order)?;
    if handed_over > 0 {
        output.talk(format!(
            "{handed_over} identities of order {order} were handed over without units: they are listed like the others, and \
             no unit of them was accepted here"
        ));
    }
    Ok(())
}

/// Whoever imports is told of TPMs that are programs, or of unknown origin. `carried` tells what of the import says so too.
pub(super) fn talk_of_marked(
    context: &Context,
    order: &str,
    carried: &str,
    output: &Output,
) -> Result<(), Failure> {
    const MOST: usize = 10;
    let marked = marked(&context.reader()?, order)?;
    if marked.is_empty() {
        return Ok(());
    }
    let text = |one: &Marked| format!("{} ({})", one.registration_id, one.marks.join(", "));
    let named: Vec<String> = marked.iter().take(MOST).map(text).collect();
    let more = match marked.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more (`station unit show ID` tells of each)"),
    };
    output
        .talk(format!("units of order {order} whose TPMs are marked, {carried}: {}{more}", named.join(", ")));
    Ok(())
}

fn individual(args: &Args, order: &str, context: &Context, output: &Output) -> Result<(), Failure> {
    let none = BTreeSet::new();
    let (verified_ca, options) = (args.verified_ca.as_deref(), args.options());
    let wanted = Enrollments { order, verified_ca, options, without: &none };
    let refuse = |_: &_| Err(ManifestError::CarriesKeys(order.to_owned()));
    let enrollments = individual_enrollments(&context.reader()?, wanted, refuse)?;
    args.recipients()?;
    if args.clear || args.rest || !args.recipient.is_empty() {
        return Err(Failure::usage(format!(
            "the enrollments of order {order} carry no keys: leave --recipient, --clear and --rest out"
        )));
    }
    talk_of_handed_over(context, order, output)?;
    talk_of_marked(context, order, "as their enrollments say in initialTwin.tags", output)?;
    let bodies = if args.bulk {
        bodies::in_bulk(&[(BulkMode::Create, &enrollments)])?
    } else {
        bodies::single(enrollments.iter())?
    };
    bodies::write(&bodies, enrollments.len(), args.out.as_deref(), output)
}
