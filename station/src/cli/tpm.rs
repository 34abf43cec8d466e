//! `station tpm`: a TPM by hand, without a station's folder.

mod enroll;

use std::io::{self, Write};
use std::path::PathBuf;

use certkit::{EndorsementCertificate, EndorsementCertificateError, EndorsementKey};
use clap::{Args as ClapArgs, Subcommand};
use enroll::Enroll;
use serde::Serialize;
use time::OffsetDateTime;

use super::context::Context;
use super::keys::read_secret;
use super::{Exit, Failure, Output};
use crate::clock::{self, rfc3339};
use crate::error_text::with_causes;
use crate::tpm::{HierarchyAuths, KeyOrigin, Tcti, Tpm, challenge, read_makers, without_library_log};
use crate::unit::template;

/// TPMs: look at one, or enroll one unit by it.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show a TPM's keys as DPS takes them, who made it, and whether its maker vouches for it.
    ///
    /// The keys are those at 0x81010001 and 0x81000001; where nothing lies there, they are made from the TCG's templates
    /// and forgotten again, unless --keep is given. Works without a station. With --roots, exit code 1 says that no maker
    /// there vouches for the endorsement key.
    Show(Show),
    /// Take one unit to its verdict, and print its individual enrollment: PUT /enrollments/{registrationId}.
    ///
    /// As `station flash` does it: the ledger has the unit, and another unit with the same key is refused. What happens on the
    /// way goes to standard error. Exit code 0: the unit is accepted, now or again.
    Enroll(Enroll),
}

#[derive(Debug, ClapArgs)]
pub(super) struct Show {
    /// The way to the TPM: device:/dev/tpmrm0, swtpm:host=H,port=P, mssim:host=H,port=P or tabrmd:bus_type=session.
    #[arg(long)]
    tcti: Tcti,
    /// A folder with the certificates of TPMs' makers, roots and intermediates, PEM or DER.
    #[arg(long, value_name = "DIR")]
    roots: Option<PathBuf>,
    /// Have the TPM prove that it holds the endorsement key: it opens what was sealed to it.
    #[arg(long)]
    challenge: bool,
    /// Put the keys at their handles where nothing lies there, so that the unit's software finds the same ones.
    #[arg(long)]
    keep: bool,
    /// A file with the authorisation of the endorsement hierarchy, where it is set; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    endorsement_auth_file: Option<PathBuf>,
    /// A file with the authorisation of the owner's hierarchy, where it is set; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    owner_auth_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown {
    endorsement_key: String,
    endorsement_key_from: KeyOrigin,
    template: &'static str,
    registration_id: String,
    storage_root_key: String,
    storage_root_key_from: KeyOrigin,
    manufacturer: String,
    model: String,
    firmware: String,
    software: bool,
    locked_out: bool,
    challenge: Option<&'static str>,
    ek_certificate: ShownCertificate,
}

#[derive(Default, Serialize)]
struct ShownCertificate {
    present: bool,
    subject: Option<String>,
    issuer: Option<String>,
    certificate_serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    version: Option<String>,
    verdict: Verdict,
    reason: Option<String>,
}

/// Whether the makers vouch for the endorsement key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// There is no certificate.
    #[default]
    Absent,
    /// A chain of certificates in force leads to one of the roots.
    Trusted,
    /// No roots were given, and nothing else is wrong with it.
    NotJudged,
    /// It cannot be read, or holds what is not known here.
    Unreadable,
    /// It is another key's.
    OtherKey,
    /// It is for something else.
    NotForEndorsement,
    /// It, or an issuer above it, is not valid yet.
    NotYetValid,
    /// It, or an issuer above it, has expired.
    Expired,
    /// An issuer is missing.
    NoChain,
    /// An issuer of the same name with another key.
    ForeignRoot,
    /// An issuer that may not issue, or signs in a way that is not taken.
    BadIssuer,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    without_library_log()?;
    match verb {
        Verb::Show(args) => show(&args, output),
        Verb::Enroll(args) => enroll::run(args, context, output),
    }
}

fn show(args: &Show, output: &Output) -> Result<Exit, Failure> {
    if args.endorsement_auth_file.is_some() && args.endorsement_auth_file == args.owner_auth_file {
        return Err(Failure::usage("the two authorisations cannot come from one file: give each its own"));
    }
    let makers = args.roots.as_deref().map(read_makers).transpose()?;
    let auths = HierarchyAuths {
        endorsement: args.endorsement_auth_file.as_ref().map(read_secret).transpose()?,
        owner: args.owner_auth_file.as_ref().map(read_secret).transpose()?,
    };
    let mut tpm = Tpm::open(&args.tcti, &auths)?;
    let make = tpm.make()?;
    if args.keep {
        tpm.keep_keys()?;
    }
    let endorsement_key = tpm.endorsement_key()?;
    let storage_root_key = tpm.storage_root_key()?;
    if args.challenge {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| Failure::new(Exit::Station, &error))?;
        challenge(&mut tpm, &endorsement_key.key, &nonce)?;
    }
    let contents = tpm.endorsement_certificate(&endorsement_key.key)?;
    let judge = Judge { key: &endorsement_key.key, makers: makers.as_deref(), now: clock::now() };
    let shown = Shown {
        endorsement_key: endorsement_key.key.to_base64(),
        endorsement_key_from: endorsement_key.origin,
        template: template(endorsement_key.key.template()),
        registration_id: endorsement_key.key.registration_id().to_string(),
        storage_root_key: storage_root_key.key.to_base64(),
        storage_root_key_from: storage_root_key.origin,
        software: make.seems_software(),
        manufacturer: make.manufacturer,
        model: make.model,
        firmware: make.firmware,
        locked_out: make.locked_out,
        challenge: args.challenge.then_some("passed"),
        ek_certificate: contents.map(|contents| judge.certificate(&contents)).unwrap_or_default(),
    };
    output.data(&shown, |out| write_text(&shown, out))?;
    let vouched = shown.ek_certificate.verdict == Verdict::Trusted;
    Ok(if makers.is_some() && !vouched { Exit::UnitFailed } else { Exit::Done })
}

struct Judge<'a> {
    key: &'a EndorsementKey,
    makers: Option<&'a [certkit::MakerCertificate]>,
    now: OffsetDateTime,
}

impl Judge<'_> {
    fn certificate(&self, contents: &[u8]) -> ShownCertificate {
        let read = match EndorsementCertificate::from_nv(contents) {
            Ok(read) => read,
            Err(error) => {
                return self.refused(ShownCertificate { present: true, ..Default::default() }, &error);
            }
        };
        let (certificate, attributes) = (read.certificate(), read.attributes().clone());
        let shown = ShownCertificate {
            present: true,
            subject: Some(certificate.subject_name()),
            issuer: Some(certificate.issuer_name()),
            certificate_serial: Some(certificate.serial().to_string()),
            not_before: Some(rfc3339(certificate.not_before())),
            not_after: Some(rfc3339(certificate.not_after())),
            manufacturer: attributes.manufacturer,
            model: attributes.model,
            version: attributes.version,
            verdict: Verdict::Trusted,
            reason: None,
        };
        match read.check(self.key, self.makers.unwrap_or_default(), self.now) {
            Ok(_) => shown,
            Err(error) => self.refused(shown, &error),
        }
    }

    fn refused(&self, shown: ShownCertificate, error: &EndorsementCertificateError) -> ShownCertificate {
        use EndorsementCertificateError as Error;
        let verdict = match error {
            Error::OtherKey => Verdict::OtherKey,
            Error::NotForEndorsement => Verdict::NotForEndorsement,
            Error::NotYetValid { .. } => Verdict::NotYetValid,
            Error::Expired { .. } => Verdict::Expired,
            Error::NoChain { .. } if self.makers.is_none() => Verdict::NotJudged,
            Error::NoChain { .. } => Verdict::NoChain,
            Error::ForeignRoot { .. } => Verdict::ForeignRoot,
            Error::Issuer(_) | Error::TooLong => Verdict::BadIssuer,
            _ => Verdict::Unreadable,
        };
        let reason = (verdict != Verdict::NotJudged).then(|| with_causes(error));
        ShownCertificate { verdict, reason, ..shown }
    }
}

fn write_text(shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let software = if shown.software { ", a software TPM by its maker's name" } else { "" };
    writeln!(
        out,
        "TPM                {} {}, firmware {}{software}",
        shown.manufacturer, shown.model, shown.firmware
    )?;
    if shown.locked_out {
        writeln!(out, "                   LOCKED OUT: too many wrong authorisations")?;
    }
    writeln!(out, "registration ID    {}", shown.registration_id)?;
    writeln!(out, "endorsement key    {}, template {}", origin(shown.endorsement_key_from), shown.template)?;
    writeln!(out, "                   {}", shown.endorsement_key)?;
    writeln!(out, "storage root key   {}", origin(shown.storage_root_key_from))?;
    writeln!(out, "                   {}", shown.storage_root_key)?;
    if let Some(challenge) = shown.challenge {
        writeln!(out, "challenge          {challenge}: it holds the endorsement key")?;
    }
    let certificate = &shown.ek_certificate;
    match (&certificate.subject, certificate.present) {
        (Some(subject), _) => writeln!(
            out,
            "certificate        {subject:?} by {:?}, serial {}",
            certificate.issuer.as_deref().unwrap_or_default(),
            certificate.certificate_serial.as_deref().unwrap_or_default(),
        )?,
        (None, true) => writeln!(out, "certificate        cannot be read")?,
        (None, false) => writeln!(out, "certificate        none: nothing shows where this TPM comes from")?,
    }
    match (certificate.verdict, &certificate.reason) {
        (Verdict::Trusted, _) => writeln!(out, "                   its maker vouches for this key"),
        (Verdict::NotJudged, _) => writeln!(out, "                   not judged: give --roots"),
        (_, Some(reason)) => writeln!(out, "                   REFUSED: {reason}"),
        (_, None) => Ok(()),
    }
}

fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Persistent => "at its handle",
        KeyOrigin::Template => "made from the TCG's template, and not kept",
        KeyOrigin::MakersTemplate => "made from its maker's template, and not kept",
    }
}
