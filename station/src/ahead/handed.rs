//! What leaves the station: a sealed bundle, or a folder of files.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use certkit::{BatchCredential, DeviceKey, KeyFormat, RegistrationId, to_pkcs12};
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{AheadError, Finish};
use crate::ledger::entry::hex;
use crate::place::{Growing, PlaceError, Readers};
use crate::vault::{Recipient, Secret, sealing};

/// What is handed out of one credential: files by the end of their names, or one line of a bundle.
pub type Parts = Vec<Part>;

/// A file's name, and what is in it. A bundle takes no names.
type Part = (String, Zeroizing<Vec<u8>>);

/// In which form credentials are handed out.
#[derive(Debug)]
pub enum Form {
    /// A line of JSON each.
    Line {
        /// The DPS instance, for each line.
        id_scope: String,
        /// The certificates above each leaf, PEM.
        above: String,
    },
    /// Files of their own.
    Files(Files),
}

/// How files are written.
#[derive(Debug)]
pub struct Files {
    /// Key and certificates apart, or in one file.
    pub form: FileForm,
    /// Leave the certificates above the leaf out.
    pub leaf_only: bool,
    /// The certificates above each leaf, DER.
    pub above: Vec<Vec<u8>>,
    /// The same as PEM.
    pub above_pem: String,
}

/// Key and certificates apart, or in one file.
#[derive(Debug)]
pub enum FileForm {
    /// A file for the key, one for the certificates.
    Apart(KeyFormat, Encoding),
    /// PKCS#12, under this password.
    Pkcs12(Secret),
}

/// How DER is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Encoding {
    /// As text (RFC 7468).
    Pem,
    /// As it is; a chain is one certificate after the other.
    Der,
}

/// A line of a bundle.
#[derive(Serialize)]
struct BundleLine<'a> {
    registration_id: &'a RegistrationId,
    id_scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
    /// PEM, leaf first.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_chain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_key: Option<&'a str>,
    /// Of random keys, the one that the service takes too, once the other is to be exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_device_key: Option<&'a str>,
}

impl Finish for Form {
    type Finished = Parts;

    const ENTRIES_TOGETHER: usize = 8;

    fn certificate(&self, credential: &BatchCredential, leaf: &str) -> Result<Parts, AheadError> {
        let registration_id = &credential.item.registration_id;
        match self {
            Self::Line { id_scope, above } => {
                let key = credential.private_key.to_pem(KeyFormat::Pkcs8).map_err(form)?;
                let chain = [leaf, above].concat();
                line(&BundleLine {
                    registration_id,
                    id_scope,
                    private_key: Some(&key),
                    certificate_chain: Some(&chain),
                    device_key: None,
                    secondary_device_key: None,
                })
            }
            Self::Files(files) => files.certificate(credential, leaf),
        }
    }

    fn device_key(
        &self,
        registration_id: &RegistrationId,
        key: &DeviceKey,
        secondary: Option<&DeviceKey>,
    ) -> Result<Parts, AheadError> {
        let (text, secondary) = (key.to_base64(), secondary.map(DeviceKey::to_base64));
        match self {
            Self::Line { id_scope, .. } => line(&BundleLine {
                registration_id,
                id_scope,
                private_key: None,
                certificate_chain: None,
                device_key: Some(&text),
                secondary_device_key: secondary.as_ref().map(|text| text.as_str()),
            }),
            Self::Files(_) => {
                let file = |end: &str, text: &str| {
                    let bytes = Zeroizing::new([text.as_bytes(), b"\n"].concat());
                    (format!("{registration_id}.{end}"), bytes)
                };
                let secondary = secondary.as_ref().map(|text| file("secondary-device-key", text));
                Ok(std::iter::once(file("device-key", &text)).chain(secondary).collect())
            }
        }
    }
}

fn form(error: impl std::error::Error + Send + Sync + 'static) -> AheadError {
    AheadError::Form(Box::new(error))
}

fn line(line: &BundleLine<'_>) -> Result<Parts, AheadError> {
    let long = [line.private_key, line.certificate_chain, line.device_key, line.secondary_device_key]
        .map(|text| text.map_or(0, str::len))
        .iter()
        .sum::<usize>();
    // Room for all of it, line ends escaped: growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(long + long / 16 + 512));
    serde_json::to_writer(&mut *bytes, line).map_err(form)?;
    bytes.push(b'\n');
    Ok(vec![(String::new(), bytes)])
}

impl Files {
    fn certificate(&self, credential: &BatchCredential, leaf: &str) -> Result<Parts, AheadError> {
        let id = &credential.item.registration_id;
        let above = if self.leaf_only { &[][..] } else { &self.above };
        let (name, above_pem) =
            if self.leaf_only { ("leaf", "") } else { ("chain", self.above_pem.as_str()) };
        let key = &credential.private_key;
        match &self.form {
            FileForm::Pkcs12(password) => {
                let password = password.text().unwrap_or_default();
                let chain = std::iter::once(&credential.leaf).chain(above).map(Vec::as_slice);
                let store = to_pkcs12(key, chain, id.as_str(), password).map_err(form)?;
                Ok(vec![(format!("{id}.p12"), store)])
            }
            FileForm::Apart(format, Encoding::Pem) => {
                let key = key.to_pem(*format).map_err(form)?;
                Ok(vec![
                    (format!("{id}.key.pem"), Zeroizing::new(key.as_bytes().to_vec())),
                    (format!("{id}.{name}.pem"), Zeroizing::new([leaf, above_pem].concat().into_bytes())),
                ])
            }
            FileForm::Apart(format, Encoding::Der) => {
                let chain: Vec<u8> =
                    std::iter::once(&credential.leaf).chain(above).flatten().copied().collect();
                Ok(vec![
                    (format!("{id}.key.der"), key.to_der(*format).map_err(form)?),
                    (format!("{id}.{name}.der"), Zeroizing::new(chain)),
                ])
            }
        }
    }

    /// Keeps others out of a folder, before anything is in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn close(folder: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
        let _ = folder;
        Ok(())
    }

    /// Writes the files of one credential into a folder, for its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(folder: &Path, parts: Parts) -> io::Result<()> {
        for (name, bytes) in parts {
            write_private(&folder.join(name), &bytes)?;
        }
        Ok(())
    }

    /// Makes what was written into a folder durable: on Linux all at once, since one by one takes a disk hours.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(folder: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(File::open(folder)?)?;
        let _ = folder;
        Ok(())
    }
}

/// Writes a new file for its owner alone. [`Files::sync`] makes it durable.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = new_private(path)?;
    file.write_all(bytes)?;
    if cfg!(target_os = "linux") { Ok(()) } else { file.sync_all() }
}

#[cfg(unix)]
pub(super) fn new_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Elsewhere the folder's own access list decides; the new file inherits it.
#[cfg(not(unix))]
pub(super) fn new_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// A sealed bundle on its way: an age file of JSON lines.
pub struct Bundle {
    path: PathBuf,
    sealing: age::stream::StreamWriter<Hashed<Growing>>,
}

/// A file whose digest is known when it is whole.
pub(super) struct Hashed<W> {
    pub(super) file: W,
    pub(super) hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Bundle {
    /// Begins a bundle that will be at `path`, for these to open.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn begin(path: &Path, recipients: &[Recipient]) -> Result<Self, PlaceError> {
        let file = Growing::begin(path, Readers::Owner)?;
        let hashed = Hashed { file, hash: Sha256::new() };
        let sealing = sealing(recipients, hashed)
            .map_err(|source| PlaceError::Write { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), sealing })
    }

    /// Takes one credential.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(&mut self, parts: &Parts) -> io::Result<()> {
        parts.iter().try_for_each(|(_, bytes)| self.sealing.write_all(bytes))
    }

    /// Ends the bundle. It has its name when `leaves`, which is told its SHA-256, has agreed.
    ///
    /// # Errors
    /// [`PlaceError`], or what `leaves` gives.
    pub fn finish<E: From<PlaceError>>(self, leaves: impl FnOnce(&str) -> Result<(), E>) -> Result<(), E> {
        let failed = |source| PlaceError::Write { path: self.path.clone(), source };
        let Hashed { file, hash } = self.sealing.finish().map_err(failed)?;
        leaves(&hex(&hash.finalize()))?;
        Ok(file.finish()?)
    }
}
