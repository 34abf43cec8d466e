//! Many device credentials at once, on all cores.

mod board;
mod chunk;
mod credential;
mod error;
mod maker;
mod turns;
mod workshop;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

use time::OffsetDateTime;

use crate::issue::Template;
use crate::{Certificate, Profile};
use chunk::{Chunk, Made};
pub use credential::{BatchCredential, BatchItem};
pub use error::BatchError;
use maker::{Maker, SelfSigned};
use workshop::{Shop, Workshop};

/// Chunks in work or waiting to be fetched, for each core.
const CHUNKS_AHEAD: usize = 4;

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
pub struct Batch<I, T> {
    items: I,
    shop: Arc<dyn Shop<T>>,
    threads: Vec<JoinHandle<()>>,
    under_way: VecDeque<Receiver<Made<T>>>,
    most_under_way: usize,
    made: std::vec::IntoIter<Result<T, BatchError>>,
    begun: bool,
    /// No more items come.
    asked_for_all: bool,
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
        Self::on_cores(all_cores(), template, above, items, finish)
    }

    /// Begins a batch of certificates that their own keys sign, as [`crate::Issuer::self_signed`] makes them.
    pub fn self_signed<F>(profile: Profile, now: OffsetDateTime, items: I, finish: F) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        Self::begin(all_cores(), SelfSigned { profile, now }, Vec::new(), items, finish)
    }

    /// As [`Self::new`], on so many cores.
    pub fn on_cores<F>(
        cores: NonZeroUsize,
        template: Template,
        above: Vec<Certificate>,
        items: I,
        finish: F,
    ) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        Self::begin(cores, template, above, items, finish)
    }

    fn begin<M: Maker, F>(cores: NonZeroUsize, maker: M, above: Vec<Certificate>, items: I, finish: F) -> Self
    where
        F: Fn(BatchCredential) -> T + Send + Sync + 'static,
    {
        let (workshop, threads) = Workshop::open(cores, maker, above, finish);
        let most_under_way = cores.get() * (CHUNKS_AHEAD - 1) + threads.len();
        Self {
            items,
            shop: workshop,
            threads,
            under_way: VecDeque::new(),
            most_under_way,
            made: Vec::new().into_iter(),
            begun: false,
            asked_for_all: false,
        }
    }

    /// Keeps the threads busy, as long as there are items.
    fn send_items(&mut self) {
        while self.under_way.len() < self.most_under_way && !self.asked_for_all {
            let items: Vec<_> = self.items.by_ref().take(self.shop.chunk()).collect();
            if items.is_empty() {
                self.asked_for_all = true;
                self.shop.close();
                return;
            }
            let (reply, made) = mpsc::sync_channel(1);
            let is_first = !mem::replace(&mut self.begun, true);
            self.shop.add(Chunk { items, failed: None, is_first, reply });
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
            self.send_items();
            let made = self.under_way.pop_front()?;
            self.made = made.recv().unwrap_or_else(|_| vec![Err(BatchError::Thread)]).into_iter();
        }
    }
}

impl<I, T> Batch<I, T> {
    /// Nothing comes any more, and nobody works on.
    fn end(&mut self) {
        self.asked_for_all = true;
        self.shop.stop();
        self.under_way.clear();
        self.made = Vec::new().into_iter();
        for thread in self.threads.drain(..) {
            // What breaks off in a thread is told by an answer that does not come.
            let _ = thread.join();
        }
    }
}

impl<I, T> Drop for Batch<I, T> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<I, T> fmt::Debug for Batch<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("chunks_under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}

fn all_cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests;
