//! Many device credentials at once, on all cores.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use thiserror::Error;
use time::OffsetDateTime;

use crate::issue::Template;
use crate::{
    Certificate, CertificateError, CertificateSerial, Chain, ChainError, IssueError, Issuer, PrivateKey,
    Profile, PublicKey, RegistrationId, Signer, SignerError, SoftwareSigner, Subject,
};

/// Credentials that a thread makes in one go: enough that waiting for each other costs nothing.
const CHUNK: usize = 64;
/// Chunks in work or waiting to be fetched, for each thread.
const CHUNKS_AHEAD: usize = 4;

/// Whom a batch is to make a credential for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// The device.
    pub registration_id: RegistrationId,
    /// Its certificate's serial, never used before.
    pub serial: CertificateSerial,
}

/// A credential of a batch: a fresh key and the certificate for it.
#[derive(Debug, Clone)]
pub struct BatchCredential {
    /// Whom it is for.
    pub item: BatchItem,
    /// The private key.
    pub private_key: PrivateKey,
    /// The public key that belongs to it.
    pub public_key: PublicKey,
    /// The certificate, DER. What follows it in a chain is the same for all: the issuer's certificate, and those above it.
    pub leaf: Vec<u8>,
}

impl BatchCredential {
    /// The certificate as PEM (RFC 7468 §5).
    #[must_use]
    pub fn leaf_pem(&self) -> String {
        crate::pem::encode_certificate(&self.leaf)
    }
}

/// Why a batch ended before its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// No key could be made.
    #[error("no key could be made for {id}")]
    Key {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: SignerError,
    },
    /// No certificate could be made.
    #[error("no certificate could be issued for {id}")]
    Issue {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: Box<IssueError>,
    },
    /// The first certificate cannot be read again.
    #[error("the first certificate of the batch, for {id}, cannot be read again: report this")]
    First {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: CertificateError,
    },
    /// The first certificate does not fit the chain above it.
    #[error("the first certificate of the batch, for {id}, makes no chain with its issuer's")]
    Chain {
        /// The device.
        id: RegistrationId,
        /// Why.
        source: ChainError,
    },
    /// A thread ended without an answer.
    #[error("a thread of the batch broke off: report this")]
    Thread,
}

/// Credentials, in the order of their items, made by threads while the ones before are fetched. At most a fixed number
/// is in work or waiting, however many there are; the items are asked for as they are needed. The first certificate is
/// read again and its chain checked before anything comes out. An error comes out at its item's place, and ends the
/// batch. Dropping it ends the threads.
///
/// ```
/// use std::sync::Arc;
/// use certkit::{
///     Batch, BatchItem, Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm, Profile, RegistrationId,
///     SoftwareSigner, Subject, Template,
/// };
///
/// let root = Profile::from_toml(include_str!("../../templates/profiles/root.toml"))?;
/// let device = Profile::from_toml(include_str!("../../templates/profiles/azure-device.toml"))?;
/// let name = Subject::Authority(CommonName::parse("Contoso Root")?);
/// let now = time::macros::datetime!(2026-11-24 08:00 UTC);
/// let key = SoftwareSigner::generate(KeyAlgorithm::P256)?;
/// let certificate = Issuer::self_signed(&root, &name, &key, &CertificateSerial::new(1, [7; 8]), now)?;
/// let above = vec![certificate.clone()];
/// let issuer = Arc::new(Issuer::new(certificate, Box::new(key))?);
///
/// let template = Template::new(issuer, &device, KeyAlgorithm::P256, now)?;
/// let items = (1..=100).map(|number| BatchItem {
///     registration_id: RegistrationId::parse(&format!("sensor-{number:03}")).expect("an ID"),
///     serial: CertificateSerial::of_batch(number, [7; 8]), // with random octets of your own
/// });
/// // What the closure makes of each credential is made by the threads as well.
/// for leaf in Batch::new(template, above, items, |credential| credential.leaf_pem()) {
///     assert!(leaf?.starts_with("-----BEGIN CERTIFICATE-----"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batch<I, T> {
    items: I,
    /// None once the batch has ended.
    jobs: Option<mpsc::Sender<Job<T>>>,
    threads: Vec<JoinHandle<()>>,
    under_way: VecDeque<Receiver<Made<T>>>,
    most_under_way: usize,
    made: std::vec::IntoIter<Result<T, BatchError>>,
    begun: bool,
}

type Made<T> = Vec<Result<T, BatchError>>;

struct Job<T> {
    items: Vec<BatchItem>,
    is_first: bool,
    reply: SyncSender<Made<T>>,
}

/// Who signs a batch's certificates.
enum Signs {
    /// One issuer, what its template says.
    Issuer(Box<Template>),
    /// Each certificate's own key.
    Itself { profile: Box<Profile>, now: OffsetDateTime },
}

/// What the threads share.
struct Workshop<F> {
    signs: Signs,
    above: Vec<Certificate>,
    finish: F,
}

impl<I, T> Batch<I, T>
where
    I: Iterator<Item = BatchItem>,
    T: Send + 'static,
{
    /// Begins a batch on all cores. `above` are the certificates that follow a leaf in its chain, issuer first; `finish`
    /// makes of each credential what is wanted, in the threads.
    pub fn new<F>(template: Template, above: Vec<Certificate>, items: I, finish: F) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        Self::with_threads(all_cores(), template, above, items, finish)
    }

    /// Begins a batch of certificates that their own keys sign, as [`Issuer::self_signed`] makes them.
    pub fn self_signed<F>(profile: Profile, now: OffsetDateTime, items: I, finish: F) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        let signs = Signs::Itself { profile: Box::new(profile), now };
        Self::begin(all_cores(), Workshop { signs, above: Vec::new(), finish }, items)
    }

    /// The same on so many threads.
    pub fn with_threads<F>(
        threads: NonZeroUsize,
        template: Template,
        above: Vec<Certificate>,
        items: I,
        finish: F,
    ) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        let signs = Signs::Issuer(Box::new(template));
        Self::begin(threads, Workshop { signs, above, finish }, items)
    }

    fn begin<F>(threads: NonZeroUsize, workshop: Workshop<F>, items: I) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workshop = Arc::new(workshop);
        let work = |_| {
            let (waiting, workshop) = (waiting.clone(), workshop.clone());
            std::thread::spawn(move || while workshop.next_job(&waiting).is_some() {})
        };
        Self {
            items,
            jobs: Some(jobs),
            threads: (0..threads.get()).map(work).collect(),
            under_way: VecDeque::new(),
            most_under_way: threads.get() * CHUNKS_AHEAD,
            made: Vec::new().into_iter(),
            begun: false,
        }
    }

    /// Keeps the threads busy, as long as there are items.
    fn send_jobs(&mut self) {
        while let (true, Some(jobs)) = (self.under_way.len() < self.most_under_way, &self.jobs) {
            let items: Vec<_> = self.items.by_ref().take(CHUNK).collect();
            if items.is_empty() {
                self.jobs = None;
                return;
            }
            let (reply, made) = mpsc::sync_channel(1);
            // Where no thread is left to take it, the answer does not come, and says so.
            let _ = jobs.send(Job { items, is_first: !std::mem::replace(&mut self.begun, true), reply });
            self.under_way.push_back(made);
        }
    }
}

impl<I, T> Iterator for Batch<I, T>
where
    I: Iterator<Item = BatchItem>,
    T: Send + 'static,
{
    type Item = Result<T, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(made) = self.made.next() {
                if made.is_err() {
                    self.end();
                }
                return Some(made);
            }
            self.send_jobs();
            let made = self.under_way.pop_front()?;
            self.made = made.recv().unwrap_or_else(|_| vec![Err(BatchError::Thread)]).into_iter();
        }
    }
}

impl<I, T> Batch<I, T> {
    /// Nothing comes any more, and nobody works on.
    fn end(&mut self) {
        self.jobs = None;
        self.under_way.clear();
        self.made = Vec::new().into_iter();
        for thread in self.threads.drain(..) {
            // One that panicked has given no answer, which was told.
            let _ = thread.join();
        }
    }
}

impl<I, T> Drop for Batch<I, T> {
    fn drop(&mut self) {
        self.end();
    }
}

fn all_cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Signs {
    /// A fresh key and a certificate for it.
    fn credential(&self, item: &BatchItem) -> Result<(PrivateKey, PublicKey, Vec<u8>), BatchError> {
        let id = || item.registration_id.clone();
        let no_key = |source| BatchError::Key { id: id(), source };
        let not_issued = |source| BatchError::Issue { id: id(), source: Box::new(source) };
        match self {
            Signs::Issuer(template) => {
                let (private_key, public_key) = PrivateKey::generate(template.key()).map_err(no_key)?;
                let leaf =
                    template.issue(&item.registration_id, &public_key, &item.serial).map_err(not_issued)?;
                Ok((private_key, public_key, leaf))
            }
            Signs::Itself { profile, now } => {
                let key = SoftwareSigner::generate(profile.own_key()).map_err(no_key)?;
                let subject = Subject::Device(id());
                let leaf =
                    Issuer::self_signed(profile, &subject, &key, &item.serial, *now).map_err(not_issued)?;
                Ok((key.private_key(), key.public_key().clone(), leaf.der().to_vec()))
            }
        }
    }
}

impl<F> Workshop<F> {
    /// Waits for a job and does it; none when there are no more.
    fn next_job<T>(&self, waiting: &Mutex<Receiver<Job<T>>>) -> Option<()>
    where
        F: Fn(BatchCredential) -> T,
    {
        let Job { items, is_first, reply } = waiting.lock().ok()?.recv().ok()?;
        let mut made = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let credential = self.credential(item, is_first && index == 0);
            made.push(credential.map(&self.finish));
            if made.last().is_some_and(Result::is_err) {
                break;
            }
        }
        // Nobody waits where the batch was dropped.
        let _ = reply.send(made);
        Some(())
    }

    fn credential(&self, item: BatchItem, is_first: bool) -> Result<BatchCredential, BatchError> {
        let id = || item.registration_id.clone();
        let (private_key, public_key, leaf) = self.signs.credential(&item)?;
        if is_first {
            let read =
                Certificate::from_der(&leaf).map_err(|source| BatchError::First { id: id(), source })?;
            let certificates = std::iter::once(read).chain(self.above.iter().cloned()).collect();
            Chain::new(certificates).map_err(|source| BatchError::Chain { id: id(), source })?;
        }
        Ok(BatchCredential { private_key, public_key, leaf, item })
    }
}

#[cfg(test)]
mod tests;
