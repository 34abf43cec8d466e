//! One personalised image for each unit, for whoever programs them, and a manifest of digests.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use certkit::{BatchCredential, Certificate, Chain, DeviceKey, RegistrationId};
use firmware_image::format::{IntelHex, to_raw};
use sha2::{Digest, Sha256};

use super::handed::{Hashed, new_private, write_private};
use super::{AheadError, Finish};
use crate::ledger::entry::{Identity, hex};
use crate::link::Variables;
use crate::place::PlaceError;
use crate::product::{Firmware, Product};
use crate::unit::{Credential, FilledSlots, Personaliser, Random};

/// The manifest's name in the folder.
const MANIFEST: &str = "images.csv";

/// Fills the slots of each unit. The firmware around them is added when the ledger holds the credential: of thousands of
/// whole images memory would have no room for those that wait.
#[derive(Debug)]
pub struct Images {
    /// What is built.
    pub product: Product,
    /// The DPS instance.
    pub id_scope: String,
    /// The product's own values and secrets.
    pub own: Variables,
    /// The certificates above each leaf, issuer first.
    pub above: Vec<Certificate>,
    /// The vault's ledger key.
    pub ledger_key: DeviceKey,
    /// Where keys of encrypted NVS come from.
    pub random: Random,
}

impl Images {
    fn filled(&self, id: &RegistrationId, credential: &Credential) -> Result<FilledSlots, AheadError> {
        let personaliser = Personaliser {
            product: &self.product,
            own: &self.own,
            ledger_key: &self.ledger_key,
            random: self.random,
        };
        let identity = Identity { registration_id: id.clone(), id_scope: self.id_scope.clone() };
        let filled = personaliser.fill_slots(&identity, credential)?;
        filled.ok_or_else(|| {
            form(std::io::Error::other("a document asks for what this credential does not have"))
        })
    }
}

impl Finish for Images {
    type Finished = FilledSlots;

    // A slot can have a megabyte.
    const ENTRIES_TOGETHER: usize = 1;

    fn certificate(&self, credential: &BatchCredential, _leaf: &str) -> Result<FilledSlots, AheadError> {
        let leaf = Certificate::from_der(&credential.leaf).map_err(form)?;
        let chain = std::iter::once(leaf).chain(self.above.iter().cloned()).collect();
        let chain = Box::new(Chain::new(chain).map_err(form)?);
        let private_key = Some(credential.private_key.clone());
        self.filled(&credential.item.registration_id, &Credential::Certificate { chain, private_key })
    }

    fn device_key(
        &self,
        registration_id: &RegistrationId,
        key: &DeviceKey,
        _secondary: Option<&DeviceKey>,
    ) -> Result<FilledSlots, AheadError> {
        self.filled(registration_id, &Credential::DeviceKey(key.clone()))
    }
}

fn form(error: impl std::error::Error + Send + Sync + 'static) -> AheadError {
    AheadError::Form(Box::new(error))
}

/// A folder of images on its way, one for each unit.
pub struct ImageFolder<'a> {
    firmware: &'a Firmware,
    /// Where it is for now.
    beside: PathBuf,
    /// Where it will be.
    path: PathBuf,
    /// SHA-256 of the released files.
    base: String,
    manifest: Hashed<BufWriter<File>>,
}

impl<'a> ImageFolder<'a> {
    /// Begins the manifest in the folder `beside`, which is there, and will be `path`.
    ///
    /// # Errors
    /// [`PlaceError::Write`].
    pub fn begin(beside: &Path, path: &Path, firmware: &'a Firmware) -> Result<Self, PlaceError> {
        let digests: Vec<String> = firmware.base.digests().iter().map(ToString::to_string).collect();
        let file = new_private(&beside.join(MANIFEST));
        let file = file.map_err(|source| PlaceError::Write { path: path.join(MANIFEST), source })?;
        let manifest = Hashed { file: BufWriter::new(file), hash: Sha256::new() };
        let (beside, path, base) = (beside.to_owned(), path.to_owned(), digests.join(" "));
        let mut begun = Self { firmware, beside, path, base, manifest };
        begun.line("registration_id,file,format,start,bytes,sha256,base_sha256,slots")?;
        Ok(begun)
    }

    /// Writes a unit's image, and its line of the manifest.
    ///
    /// # Errors
    /// [`AheadError`].
    pub fn take(&mut self, unit: &FilledSlots) -> Result<(), AheadError> {
        let image = unit.within(self.firmware)?;
        let span = image.image.span().ok_or_else(|| form(std::io::Error::other("the firmware is empty")))?;
        let id = unit.registration_id();
        let (format, name, (bytes, sha256)) = if self.firmware.is_hex {
            let name = format!("{id}.hex");
            let text = IntelHex { image: image.image, start: image.start }.to_text();
            ("intel-hex", name.clone(), self.put(&name, text.as_bytes())?)
        } else {
            let name = format!("{id}.bin");
            ("raw", name.clone(), self.put(&name, &to_raw(&image.image, span))?)
        };
        let slots: Vec<String> = unit.regions().map(|region| region.to_string()).collect();
        let (start, base, slots) = (span.offset(), &self.base, slots.join(" "));
        let line = format!("{id},{name},{format},{start:#010x},{bytes},{sha256},{base},{slots}");
        Ok(self.line(&line)?)
    }

    /// Gives how many bytes the file has, and its SHA-256: it holds the unit's key, so that nobody guesses what is in it.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(usize, String), PlaceError> {
        write_private(&self.beside.join(name), bytes).map_err(|source| self.failed(name, source))?;
        Ok((bytes.len(), hex(&Sha256::digest(bytes))))
    }

    fn line(&mut self, line: &str) -> Result<(), PlaceError> {
        writeln!(self.manifest, "{line}").map_err(|source| self.failed(MANIFEST, source))
    }

    /// Ends the manifest. Gives its SHA-256, which stands for all images.
    ///
    /// # Errors
    /// [`PlaceError::Write`].
    pub fn finish(mut self) -> Result<String, PlaceError> {
        let flushed = self.manifest.flush().and_then(|()| self.manifest.file.get_ref().sync_all());
        flushed.map_err(|source| self.failed(MANIFEST, source))?;
        Ok(hex(&self.manifest.hash.finalize()))
    }

    fn failed(&self, name: &str, source: std::io::Error) -> PlaceError {
        PlaceError::Write { path: self.path.join(name), source }
    }
}
