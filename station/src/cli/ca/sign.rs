//! What an authority signs besides certificates of units and of other authorities: proofs of possession, and lists of
//! what it takes back.

use std::path::{Path, PathBuf};

use certkit::VerificationCode;
use clap::ValueEnum;
use serde::Serialize;
use time::Duration;

use super::super::context::{Context, Unlock};
use super::super::{Exit, Failure, Output};
use crate::authority::{self, prove_possession, revocation_list};
use crate::clock::{self, rfc3339};
use crate::ledger::entry::Fact;
use crate::place::{self, Readers};
use crate::profile;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Possession {
    /// The authority whose certificate was uploaded.
    label: String,
    /// The verification code, as the service shows it.
    code: VerificationCode,
    #[command(flatten)]
    out: Out,
    /// What the certificate contains: a file in profiles/, or a built-in one.
    #[arg(long, default_value = "possession.toml")]
    profile: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Crl {
    /// The authority: also one that was retired.
    label: String,
    #[command(flatten)]
    out: Out,
    /// The next list is due in so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
}

#[derive(Debug, clap::Args)]
struct Out {
    /// The new file. Its name tells the form: .pem; .der, .cer and .crl are DER.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The form, where the name does not tell it.
    #[arg(long, value_enum)]
    form: Option<Form>,
    #[command(flatten)]
    unlock: Unlock,
}

/// How a signed object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Base64 between BEGIN and END.
    Pem,
    /// Binary.
    Der,
}

impl Out {
    fn form(&self) -> Result<Form, Failure> {
        let extension = self.out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match (self.form, extension.to_ascii_lowercase().as_str()) {
            (Some(form), _) => Ok(form),
            (None, "pem") => Ok(Form::Pem),
            (None, "der" | "cer" | "crl") => Ok(Form::Der),
            (None, _) => Err(Failure::usage(format!(
                "{} does not tell its form: name it .pem, .der, .cer or .crl, or give --form",
                self.out.display()
            ))),
        }
    }
}

#[derive(Serialize)]
struct Proof<'a> {
    authority: &'a str,
    code: String,
    certificate_serial: String,
    not_after: String,
    form: Form,
    file: &'a Path,
}

#[derive(Serialize)]
struct List<'a> {
    authority: &'a str,
    number: u64,
    revoked: u64,
    this_update: String,
    next_update: String,
    form: Form,
    file: &'a Path,
}

pub(super) fn possession(args: &Possession, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let Possession { label, code, out, profile } = args;
    let form = out.form()?;
    let profile = profile::load(context.folder.path(), profile)?;
    let owner = context.owner("ca possession")?;
    let reader = context.reader()?;
    let authority = authority::load(label, &context.folder, &context.unlocked(out.unlock)?, &reader)?;
    let (certificate, fact) = prove_possession(label, &authority, code, &profile, &reader, clock::now())?;
    let bytes = match form {
        Form::Pem => certificate.to_pem().into_bytes(),
        Form::Der => certificate.der().to_vec(),
    };
    write(&out.out, &bytes, fact, &owner.ledger())?;
    let proof = Proof {
        authority: label,
        code: code.to_string(),
        certificate_serial: certificate.serial().to_string(),
        not_after: rfc3339(certificate.not_after()),
        form,
        file: &out.out,
    };
    output.data(&proof, |text| {
        let (file, until) = (out.out.display(), &proof.not_after);
        writeln!(text, "{file} is written: upload it where the code was shown, before {until}")
    })?;
    Ok(Exit::Done)
}

pub(super) fn crl(args: &Crl, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let Crl { label, out, days } = args;
    let form = out.form()?;
    let owner = context.owner("ca crl")?;
    let reader = context.reader()?;
    let vault = context.unlocked(out.unlock)?;
    let authority = authority::load_retired_too(label, &context.folder, &vault, &reader)?;
    let now = clock::now();
    let signed = revocation_list(label, &authority, &reader, now, Duration::days((*days).into()))?;
    let bytes = match form {
        Form::Pem => signed.list.to_pem().into_bytes(),
        Form::Der => signed.list.der().to_vec(),
    };
    write(&out.out, &bytes, signed.fact(label), &owner.ledger())?;
    let list = List {
        authority: label,
        number: signed.number,
        revoked: signed.revoked,
        this_update: rfc3339(now),
        next_update: rfc3339(signed.next_update),
        form,
        file: &out.out,
    };
    output.data(&list, |text| {
        let (file, next) = (out.out.display(), &list.next_update);
        writeln!(
            text,
            "{file} is written: list {} of {label}, {} certificates; the next by {next}",
            list.number, list.revoked
        )
    })?;
    Ok(Exit::Done)
}

/// The file appears once it is on record.
fn write(path: &Path, bytes: &[u8], fact: Fact, ledger: &crate::ledger::Ledger) -> Result<(), Failure> {
    place::new_file_after(path, bytes, Readers::Everyone, || -> Result<(), Failure> {
        ledger.append(clock::now(), vec![fact])?;
        Ok(())
    })
}
