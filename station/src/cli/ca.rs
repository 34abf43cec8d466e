//! `station ca`: the station's certificate authorities.

mod sign;

use certkit::{Certificate, CommonName, KeyAlgorithm};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, Unlock};
use super::{Exit, Failure, Output};
use crate::authority::{self, KeyPlace, NewAuthority, Role};
use crate::clock::{self, rfc3339};
use crate::hsm::TokenAddress;
use crate::ledger::entry::{Hold, TokenKey, hex};
use crate::ledger::{AuthorityRecord, RollOver};
use crate::profile;
use crate::vault::SecretName;

/// Certificate authorities: make and show them.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a root: key, self-signed certificate, ledger entry.
    Root {
        /// The station's name for it.
        #[arg(long, default_value = "root")]
        label: SecretName,
        #[command(flatten)]
        make: Make,
        /// What its certificate contains: a file in profiles/, or a built-in one.
        #[arg(long, default_value = "root.toml")]
        profile: String,
    },
    /// Make an intermediate: the authority that issues device certificates.
    Intermediate {
        /// The station's name for it; station.toml says which one issues.
        #[arg(long, default_value = "intermediate")]
        label: SecretName,
        /// Label of the authority that signs it.
        #[arg(long, default_value = "root")]
        issuer: String,
        #[command(flatten)]
        make: Make,
        /// What its certificate contains: a file in profiles/, or a built-in one.
        #[arg(long, default_value = "intermediate.toml")]
        profile: String,
    },
    /// Prove to DPS or IoT Central that an authority's key is held here: a certificate of their verification code.
    Possession(sign::Possession),
    /// Sign the list of what an authority takes back (CRL). DPS does not read it; see `station manifest disallow`.
    Crl(sign::Crl),
    /// Show all authorities, or one with its certificate (PEM, to upload).
    Show {
        /// The station's name for it.
        label: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Make {
    /// The certificate's common name, as customers will read it.
    #[arg(long, value_name = "NAME", value_parser = CommonName::parse)]
    common_name: CommonName,
    /// What kind of key it gets, of those that its profile permits: p-256, p-384, rsa-2048, rsa-3072 or rsa-4096. The
    /// profile's first without it.
    #[arg(long, value_name = "KIND")]
    key_algorithm: Option<KeyAlgorithm>,
    /// Make the key inside this token (HSM): a PKCS#11 URI with the token's label and the path of its maker's module, as
    /// in pkcs11:token=LABEL?module-path=/usr/lib/…/module.so. Without it the key lies in the station's folder, sealed.
    #[arg(long, value_name = "URI", requires = "pin")]
    hsm: Option<TokenAddress>,
    /// The name of the token's PIN in the vault, imported with `station keys import NAME --kind pin`.
    #[arg(long, value_name = "NAME", requires = "hsm")]
    pin: Option<SecretName>,
    #[command(flatten)]
    unlock: Unlock,
}

#[derive(Debug, Serialize)]
struct Shown {
    label: String,
    role: String,
    issuer: Option<String>,
    subject: String,
    certificate_serial: String,
    public_key: String,
    key_algorithm: String,
    token_key: Option<TokenKey>,
    not_before: String,
    not_after: String,
    certificate: String,
    roll_over: Option<RollOver>,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Root { label, make, profile } => {
            create(context, output, label, Role::Root, None, &make, &profile)
        }
        Verb::Intermediate { label, issuer, make, profile } => {
            create(context, output, label, Role::Intermediate, Some(&issuer), &make, &profile)
        }
        Verb::Possession(args) => sign::possession(&args, context, output),
        Verb::Crl(args) => sign::crl(&args, context, output),
        Verb::Show { label } => show(context, output, label.as_deref()),
    }
}

fn create(
    context: &Context,
    output: &Output,
    label: SecretName,
    role: Role,
    issuer: Option<&str>,
    make: &Make,
    profile: &str,
) -> Result<Exit, Failure> {
    let profile = profile::load(context.folder.path(), profile)?;
    let owner = context.owner("ca")?;
    let reader = context.reader()?;
    let unlocked = context.unlocked(make.unlock)?;
    let issuer = match issuer {
        None => None,
        Some(label) => Some((label, authority::load(label, &context.folder, &unlocked, &reader)?)),
    };
    let key = match (&make.hsm, &make.pin) {
        (Some(token), Some(pin)) => KeyPlace::Token {
            token: token.clone(),
            pin: pin.clone(),
            secret: authority::pin(pin, &unlocked, &reader)?,
        },
        _ => KeyPlace::Folder,
    };
    let new = NewAuthority {
        label: label.clone(),
        common_name: make.common_name.clone(),
        role,
        issuer: issuer.as_ref().map(|(label, authority)| (*label, authority)),
        profile: &profile,
        key_algorithm: make.key_algorithm.unwrap_or(profile.own_key()),
        key,
    };
    authority::create(&new, &context.folder, &context.vault()?, &owner.ledger(), &reader, clock::now())?;
    show(context, output, Some(&label.to_string()))
}

fn show(context: &Context, output: &Output, label: Option<&str>) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let records = match label {
        None => reader.authorities()?,
        Some(label) => match reader.authority(label)? {
            Some(record) => vec![record],
            None => return Err(authority::AuthorityError::Unknown(label.to_owned()).into()),
        },
    };
    if records.is_empty() {
        output.talk("no authority yet: make one with `station ca root --common-name NAME`");
    }
    for record in &records {
        let roll_over = reader.roll_over(&Hold::Authority(record.label.clone()))?;
        let shown = shown(record, &authority::certificate_of(record)?, roll_over);
        output.data(&shown, |out| {
            let issuer = shown.issuer.as_deref().unwrap_or("itself");
            writeln!(out, "{}: {} \"{}\", issued by {issuer}", shown.label, shown.role, shown.subject)?;
            writeln!(out, "  certificate serial  {}", shown.certificate_serial)?;
            writeln!(out, "  valid               {} to {}", shown.not_before, shown.not_after)?;
            writeln!(out, "  public key          {} ({})", shown.public_key, shown.key_algorithm)?;
            match &shown.token_key {
                Some(key) => {
                    writeln!(out, "  private key         {} (PIN `{}` of the vault)", key.uri, key.pin)?
                }
                None => writeln!(out, "  private key         in the station's folder, sealed")?,
            }
            match &shown.roll_over {
                None => {}
                Some(one) if one.state.is_retired() => {
                    writeln!(
                        out,
                        "  retired             {} ({}); successor {}",
                        one.since, one.state, one.successor
                    )?;
                }
                Some(one) => writeln!(out, "  successor           {}, since {}", one.successor, one.since)?,
            }
            if label.is_some() { write!(out, "{}", shown.certificate) } else { Ok(()) }
        })?;
    }
    Ok(Exit::Done)
}

fn shown(record: &AuthorityRecord, certificate: &Certificate, roll_over: Option<RollOver>) -> Shown {
    Shown {
        label: record.label.clone(),
        role: record.role.clone(),
        issuer: record.issuer.clone(),
        subject: certificate.subject_common_name().unwrap_or_default().to_owned(),
        certificate_serial: certificate.serial().to_string(),
        public_key: hex(&certificate.public_key().fingerprint()),
        key_algorithm: certificate.public_key().algorithm().to_string(),
        token_key: record.token_key.clone(),
        not_before: rfc3339(certificate.not_before()),
        not_after: rfc3339(certificate.not_after()),
        certificate: record.certificate.clone(),
        roll_over,
    }
}
