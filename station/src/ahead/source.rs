//! Where credentials that are issued ahead come from.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use certkit::{
    Batch, BatchCredential, BatchItem, Certificate, CertificateSerial, DeviceKey, GroupKey, Profile,
    RegistrationId, Template,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{AheadError, Finish};
use crate::ledger::entry::{AheadCredential, GroupEntry, IssuedCredential, KeyMaker, KeyOrigin, hex};
use crate::vault::UnitKeys;

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
    /// A key and a certificate that it signs itself, for an individual enrollment.
    SelfSigned {
        /// What the certificate contains.
        profile: Box<Profile>,
        /// Since when it holds.
        now: OffsetDateTime,
        /// How many credentials were ever issued ahead: the serials go on from there.
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
    /// Two random keys, for an individual enrollment.
    Random {
        /// Bytes of each.
        key_bytes: usize,
        /// As above.
        ledger_key: DeviceKey,
    },
}

/// A credential: what the ledger says of it, and what is handed out.
#[derive(Debug)]
pub struct Made<F: Finish> {
    /// For the ledger.
    pub announced: AheadCredential,
    /// For whoever gets it.
    pub finished: F::Finished,
    /// Random keys, which the service is to get too.
    pub random: Option<UnitKeys>,
}

/// Credentials, one after the other.
type Making<F> = Box<dyn Iterator<Item = Result<Made<F>, AheadError>>>;

impl Source {
    /// The certificates above each leaf, issuer first.
    pub fn above(&self) -> &[Certificate] {
        match self {
            Self::X509 { above, .. } => above,
            Self::SelfSigned { .. } | Self::Derived { .. } | Self::Random { .. } => &[],
        }
    }

    /// The same as PEM.
    pub fn above_pem(&self) -> String {
        self.above().iter().map(Certificate::to_pem).collect()
    }

    /// Whether it makes keys without certificates.
    pub fn is_symmetric(&self) -> bool {
        matches!(self, Self::Derived { .. } | Self::Random { .. })
    }

    /// Whether each device needs an enrollment of its own.
    pub fn is_individual(&self) -> bool {
        matches!(self, Self::SelfSigned { .. } | Self::Random { .. })
    }

    /// Makes a credential for each, in order.
    pub fn make<F: Finish>(self, ids: Vec<RegistrationId>, finish: F) -> Making<F> {
        let with = Arc::new(finish);
        match self {
            Self::X509 { template, authority, above, issued } => {
                let (items, failure) = numbered(ids, issued);
                let finish = move |made| x509(&made, Some(&authority), &*with);
                certificates(Batch::new(*template, above, items, finish), failure)
            }
            Self::SelfSigned { profile, now, issued } => {
                let (items, failure) = numbered(ids, issued);
                let finish = move |made| x509(&made, None, &*with);
                certificates(Batch::self_signed(*profile, now, items, finish), failure)
            }
            Self::Derived { group_key, name, entry, ledger_key } => {
                Box::new(ids.into_iter().map(move |registration_id| {
                    let key = group_key.derive(&registration_id);
                    let origin = KeyOrigin::Derived { group_key: name.clone(), group_entry: entry };
                    let finished = with.device_key(&registration_id, &key, None)?;
                    let credential = IssuedCredential::DeviceKey { origin, key_mac: mac(&ledger_key, &key) };
                    Ok(Made {
                        announced: AheadCredential { registration_id, credential },
                        finished,
                        random: None,
                    })
                }))
            }
            Self::Random { key_bytes, ledger_key } => Box::new(ids.into_iter().map(move |registration_id| {
                let keys = UnitKeys { primary: random_key(key_bytes)?, secondary: random_key(key_bytes)? };
                let origin = KeyOrigin::Random { secondary_mac: mac(&ledger_key, &keys.secondary) };
                let finished = with.device_key(&registration_id, &keys.primary, Some(&keys.secondary))?;
                let credential =
                    IssuedCredential::DeviceKey { origin, key_mac: mac(&ledger_key, &keys.primary) };
                let announced = AheadCredential { registration_id, credential };
                Ok(Made { announced, finished, random: Some(keys) })
            })),
        }
    }
}

/// Why the items of a batch ended early, where they did.
type Failure = Rc<Cell<Option<getrandom::Error>>>;

/// Each with a certificate serial of its own.
fn numbered(ids: Vec<RegistrationId>, issued: u64) -> (impl Iterator<Item = BatchItem>, Failure) {
    let failure = Failure::default();
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
    (items, failure)
}

fn certificates<I, F: Finish>(batch: Batch<I, Result<Made<F>, AheadError>>, failure: Failure) -> Making<F>
where
    I: Iterator<Item = BatchItem> + 'static,
{
    let made = batch.map(|made| made.map_err(|error| AheadError::Make(Box::new(error)))?);
    // No randomness for a serial is no end of the batch.
    Box::new(made.chain(std::iter::from_fn(move || failure.take().map(|error| Err(error.into())))))
}

fn x509<F: Finish>(
    credential: &BatchCredential,
    authority: Option<&str>,
    finish: &F,
) -> Result<Made<F>, AheadError> {
    let leaf = credential.leaf_pem();
    let finished = finish.certificate(credential, &leaf)?;
    let announced = IssuedCredential::Certificate {
        certificate_serial: credential.item.serial.to_string(),
        public_key: hex(&credential.public_key.fingerprint()),
        chain: leaf,
        authority: authority.map(str::to_owned),
        key_maker: KeyMaker::Station,
    };
    let registration_id = credential.item.registration_id.clone();
    let announced = AheadCredential { registration_id, credential: announced };
    Ok(Made { announced, finished, random: None })
}

fn random_key(bytes: usize) -> Result<DeviceKey, AheadError> {
    let mut key = Zeroizing::new(vec![0; bytes]);
    getrandom::fill(&mut key)?;
    DeviceKey::from_bytes(key).map_err(|error| AheadError::Form(Box::new(error)))
}

fn mac(ledger_key: &DeviceKey, key: &DeviceKey) -> String {
    hex(&ledger_key.mac(key.bytes()))
}
