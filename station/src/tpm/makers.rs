//! The certificates of TPMs' makers: a folder that the engineer fills.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use certkit::{CertificateError, MakerCertificate};
use thiserror::Error;

/// Why the makers' certificates cannot be used.
#[derive(Debug, Error)]
pub enum MakersError {
    /// The folder, or a file in it, could not be read.
    #[error("cannot read {path}: check the name and its permissions")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is something else.
    #[error(
        "{path} holds no certificate that can be used here, in PEM or DER: mend it, or take it out of the folder"
    )]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// There is no such folder.
    #[error(
        "{0} is not there: make the folder, and put the certificates of the TPMs' makers there, roots and intermediates, as \
         they publish them"
    )]
    Missing(PathBuf),
    /// Nothing is in there.
    #[error(
        "{0} holds no certificates: put those of the TPMs' makers there, roots and intermediates, as they publish them"
    )]
    Empty(PathBuf),
}

/// PEM, in whose comments may be any bytes; or DER, behind which an editor may have left a line end.
fn certificates(bytes: &[u8]) -> Result<Vec<MakerCertificate>, CertificateError> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("-----BEGIN ") || matches!(text, Cow::Borrowed(_)) {
        return MakerCertificate::of_makers_from_pem(&text);
    }
    let read = MakerCertificate::of_maker(bytes);
    let read = read.or_else(|error| MakerCertificate::of_maker(bytes.trim_ascii_end()).map_err(|_| error));
    read.map(|certificate| vec![certificate])
}

/// Reads a folder that may be empty, or missing.
///
/// # Errors
/// [`MakersError`], but none where nothing is there.
pub fn read_makers_if_any(folder: &Path) -> Result<Vec<MakerCertificate>, MakersError> {
    match read_makers(folder) {
        Err(MakersError::Empty(_) | MakersError::Missing(_)) => Ok(Vec::new()),
        read => read,
    }
}

/// Reads all files of a folder, in the order of their names: certificates in PEM (several to a file) or DER.
///
/// # Errors
/// [`MakersError`]: a file that cannot be used is named and not passed over.
pub fn read_makers(folder: &Path) -> Result<Vec<MakerCertificate>, MakersError> {
    let read = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => MakersError::Missing(folder.to_owned()),
        _ => MakersError::Read { path: folder.to_owned(), source },
    };
    let entries: Vec<_> =
        std::fs::read_dir(folder).and_then(Iterator::collect::<Result<_, _>>).map_err(read)?;
    let mut paths: Vec<PathBuf> =
        entries.iter().map(std::fs::DirEntry::path).filter(|path| path.is_file()).collect();
    paths.sort();
    let mut makers = Vec::new();
    for path in paths {
        let bytes =
            std::fs::read(&path).map_err(|source| MakersError::Read { path: path.clone(), source })?;
        makers.extend(certificates(&bytes).map_err(|source| MakersError::Certificate { path, source })?);
    }
    if makers.is_empty() { Err(MakersError::Empty(folder.to_owned())) } else { Ok(makers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = include_str!("../../../certkit/tests/vectors/makers/stm-ecc-issuer.pem");

    #[test]
    fn files_are_read_as_they_come() {
        let made = certificates(ISSUER.as_bytes()).unwrap();
        let der = made[0].der();
        let commented = [b"# \xae Maker\n", ISSUER.as_bytes()].concat();
        for file in [der.to_vec(), [der, b"\n"].concat(), [der, b"\r\n"].concat(), commented] {
            assert_eq!(certificates(&file).unwrap(), made);
        }
        for wrong in
            [&b"a note"[..], b"", &der[..100], &[der, b"x\n"].concat(), b"\xae", &ISSUER.as_bytes()[..90]]
        {
            assert!(certificates(wrong).is_err());
        }
    }
}
