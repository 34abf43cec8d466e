//! The products: those of the station's own folder and those of its orders load, and the secrets that they name are
//! in the vault.

use std::collections::BTreeSet;

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::ledger::LedgerReader;
use crate::product::{Product, ProductAttestation};
use crate::profile;
use crate::template::Kind;
use crate::vault::Vault;

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let files = product_files(scene);
    if files.is_empty() {
        return vec![Finding::skipped(
            "products",
            "no order and no product of the station's own",
            "add an order",
        )];
    }
    files.iter().flat_map(|file| check_product(scene, file)).collect()
}

fn product_files(scene: &Scene<'_>) -> BTreeSet<String> {
    let orders =
        LedgerReader::open(&scene.folder.ledger()).and_then(|reader| reader.orders()).unwrap_or_default();
    let own = std::fs::read_dir(scene.folder.path().join(Kind::Product.folder()));
    let own = own.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    orders.into_iter().map(|order| order.product).chain(own.filter(|name| name.ends_with(".toml"))).collect()
}

/// Whether any product issues certificates.
pub(super) fn any_issues_certificates(scene: &Scene<'_>) -> bool {
    product_files(scene).iter().any(|file| {
        Product::load(scene.folder.path(), file)
            .is_ok_and(|product| matches!(product.attestation, ProductAttestation::X509Group { .. }))
    })
}

fn check_product(scene: &Scene<'_>, file: &str) -> Vec<Finding> {
    let id = format!("product/{file}");
    let loaded = Product::load(scene.folder.path(), file);
    let product = match loaded {
        Ok(product) => product,
        Err(error) => return vec![Finding::failed(id, with_causes(&error), "correct the product's files")],
    };
    if let ProductAttestation::X509Group { profile } = &product.attestation
        && let Err(error) = profile::load(scene.folder.path(), profile)
    {
        return vec![Finding::failed(id, with_causes(&error), "correct the certificate profile")];
    }
    let mut findings =
        vec![Finding::ok(id.clone(), format!("loads; its dialogue is {}", product.dialogue.file))];
    if !product.writes_model_id() {
        let seen = format!("{} is written by no item: the firmware carries it", product.model_id);
        findings.push(Finding::ok(format!("{id}/model-id"), seen));
    }
    if let Ok(vault) = Vault::open(&scene.folder.vault()) {
        let group_key = match &product.attestation {
            ProductAttestation::SymmetricGroup { group_key, .. } => Some(group_key),
            ProductAttestation::X509Group { .. } | ProductAttestation::SymmetricGiven => None,
        };
        let texts = product.secrets.values().map(|name| (name, ""));
        let needed = texts.chain(group_key.map(|name| (name, " --kind group-key")));
        findings.extend(needed.filter(|(name, _)| !vault.holds(name)).map(|(name, kind)| {
            let todo = format!("import it with `station keys import {name}{kind}`");
            Finding::failed(format!("{id}/secret/{name}"), "is not in the vault", todo)
        }));
    }
    findings
}
