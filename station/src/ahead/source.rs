//! Where credentials that are issued ahead come from.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use certkit::{
    Batch, BatchCredential, BatchItem, Certificate, CertificateSerial, DeviceKey, GroupKey, RegistrationId,
    Template,
};

use super::{AheadError, Form, Parts};
use crate::ledger::entry::{AheadCredential, GroupEntry, IssuedCredential, KeyMaker, KeyOrigin, hex};

/// How an order's credentials are made.
#[derive(Debug)]
pub enum Source {
    /// A key and a certificate for it.
    X509 {
        /// Who signs, and what is signed.
        template: Box<Template>,
        /// The issuer's label.
        authority: String,
        /// The certificates above each leaf, issuer first, without the root.
        above: Vec<Certificate>,
        /// How many were ever issued so: the serials go on from there.
        issued: u64,
    },
    /// A key derived from an enrollment group's.
    Derived {
        /// The group key.
        group_key: GroupKey,
        /// Its name in the vault.
        name: String,
        /// Which of the group's two it is.
        entry: GroupEntry,
        /// The vault's own key: of a device key the ledger holds an HMAC under it.
        ledger_key: DeviceKey,
    },
}

/// A credential: what the ledger says of it, and what is handed out.
#[derive(Debug)]
pub struct Made {
    /// For the ledger.
    pub announced: AheadCredential,
    /// For whoever gets it.
    pub parts: Parts,
}

impl Source {
    /// The certificates above each leaf, as PEM.
    pub fn above_pem(&self) -> String {
        match self {
            Self::X509 { above, .. } => above.iter().map(Certificate::to_pem).collect(),
            Self::Derived { .. } => String::new(),
        }
    }

    /// Makes a credential for each, in order.
    pub fn make(
        self,
        ids: Vec<RegistrationId>,
        form: Form,
    ) -> Box<dyn Iterator<Item = Result<Made, AheadError>>> {
        let form = Arc::new(form);
        match self {
            Self::X509 { template, authority, above, issued } => {
                let failure = Rc::new(Cell::new(None));
                let failed = failure.clone();
                let items = ids.into_iter().zip(issued + 1..).map_while(move |(registration_id, number)| {
                    let mut random = [0; 8];
                    match getrandom::fill(&mut random) {
                        Ok(()) => {
                            let serial = CertificateSerial::of_batch(number, random);
                            Some(BatchItem { registration_id, serial })
                        }
                        Err(error) => {
                            failed.set(Some(error));
                            None
                        }
                    }
                });
                let batch = Batch::new(*template, above, items, move |made| x509(&made, &authority, &form));
                let made = batch.map(|made| made.map_err(|error| AheadError::Make(Box::new(error)))?);
                // No randomness for a serial is no end of the batch.
                Box::new(
                    made.chain(std::iter::from_fn(move || failure.take().map(|error| Err(error.into())))),
                )
            }
            Self::Derived { group_key, name, entry, ledger_key } => {
                Box::new(ids.into_iter().map(move |registration_id| {
                    let key = group_key.derive(&registration_id);
                    let origin = KeyOrigin::Derived { group_key: name.clone(), group_entry: entry };
                    let key_mac = hex(&ledger_key.mac(key.bytes()));
                    let parts = form.device_key(&registration_id, &key)?;
                    let credential = IssuedCredential::DeviceKey { origin, key_mac };
                    Ok(Made { announced: AheadCredential { registration_id, credential }, parts })
                }))
            }
        }
    }
}

fn x509(credential: &BatchCredential, authority: &str, form: &Form) -> Result<Made, AheadError> {
    let leaf = credential.leaf_pem();
    let parts = form.certificate(credential, &leaf)?;
    let announced = IssuedCredential::Certificate {
        certificate_serial: credential.item.serial.to_string(),
        public_key: hex(&credential.public_key.fingerprint()),
        chain: leaf,
        authority: Some(authority.to_owned()),
        key_maker: KeyMaker::Station,
    };
    let registration_id = credential.item.registration_id.clone();
    Ok(Made { announced: AheadCredential { registration_id, credential: announced }, parts })
}
