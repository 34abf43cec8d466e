//! How credentials are made that are issued ahead: as the line makes them, where no unit takes part in it.

use crate::ahead::Source;
use crate::authority::AuthorityError;
use crate::cli::Failure;
use crate::cli::keyring::Keyring;
use crate::clock;
use crate::ledger::entry::KeyMaker;
use crate::line::{Attestation, Signs, Symmetric, SymmetricKeys, X509};
use crate::product::Product;

pub(in crate::cli) fn source(
    keyring: &Keyring<'_>,
    product: &Product,
    order: &str,
) -> Result<Source, Failure> {
    match keyring.attestation(product, order)? {
        Attestation::X509(x509) => match *x509 {
            X509 {
                signs: Signs::Authority { template, label, intermediates },
                key: KeyMaker::Station,
                ..
            } => {
                let in_token =
                    keyring.reader.authority(&label)?.is_some_and(|record| record.token_key.is_some());
                let template = if in_token {
                    template.checking_signatures().map_err(|error| AuthorityError::Issue {
                        label: label.clone(),
                        source: Box::new(error),
                    })?
                } else {
                    *template
                };
                let issued = keyring.reader.count_ahead()?;
                Ok(Source::X509 {
                    template: Box::new(template),
                    authority: label,
                    above: intermediates,
                    issued,
                })
            }
            X509 { signs: Signs::Itself, key: KeyMaker::Station, profile } => Ok(Source::SelfSigned {
                profile: Box::new(profile),
                now: clock::now(),
                issued: keyring.reader.count_ahead()?,
            }),
            X509 { key: KeyMaker::Device, .. } => Err(Failure::input(format!(
                "the units of product {} make their keys themselves: nothing can be issued for them without the units",
                product.file
            ))),
        },
        Attestation::Tpm(_) => Err(Failure::input(format!(
            "the units of product {} attest with their TPMs: nothing can be issued for them without the units",
            product.file
        ))),
        Attestation::Symmetric(Symmetric {
            keys: SymmetricKeys::Derived { group_key, name, entry },
            ledger_key,
        }) => Ok(Source::Derived { group_key, name, entry, ledger_key }),
        Attestation::Symmetric(Symmetric { keys: SymmetricKeys::Random { key_bytes, .. }, ledger_key }) => {
            Ok(Source::Random { key_bytes, ledger_key })
        }
        Attestation::Symmetric(Symmetric { keys: SymmetricKeys::Given(_), .. }) => {
            Err(Failure::input(format!(
                "the keys of product {} came with the order: whoever gave them has them, and nothing is issued",
                product.file
            )))
        }
    }
}
