//! Puts finished files where they belong: written beside, synced, linked to the final name, folder synced.
//!
//! Nothing that exists is overwritten, and a failure leaves no part behind.

mod growing;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use growing::Growing;

/// What the names of files and folders begin with that are not whole yet.
const BESIDE: &str = ".station-";

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The owner alone: mode 0600. For everything that holds a secret.
    Owner,
    /// Everyone: mode 0644.
    Everyone,
}

/// Why a file was not placed.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// Something of that name is there already.
    #[error("{0} exists already and is not overwritten: move it away or name another file")]
    Exists(PathBuf),
    /// The disk or the folder would not take it.
    #[error("cannot write {path}: check that the folder exists, can be written and has room")]
    Write {
        /// The file that was to be made.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Places a new file with these bytes.
///
/// # Errors
/// [`PlaceError::Exists`] where the name is taken; [`PlaceError::Write`] where the system refuses. Either way
/// nothing is left at `path` that was not there before.
pub fn new_file(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), PlaceError> {
    new_file_after(path, bytes, readers, || Ok(()))
}

/// Places a new file with these bytes, once `recorded` has put on record that it will be there: it is called when the
/// bytes are on disk and all that is left is to name them.
///
/// # Errors
/// As [`new_file`], or whatever `recorded` gives: nothing is left then.
pub fn new_file_after<E: From<PlaceError>>(
    path: &Path,
    bytes: &[u8],
    readers: Readers,
    recorded: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    if path.symlink_metadata().is_ok() {
        return Err(PlaceError::Exists(path.to_owned()).into());
    }
    let failed = |source| PlaceError::Write { path: path.to_owned(), source };
    let folder = parent(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(BESIDE);
    let mut beside = with_readers(&mut builder, readers).tempfile_in(folder).map_err(failed)?;
    beside.write_all(bytes).map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    recorded()?;
    beside.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => PlaceError::Exists(path.to_owned()),
        _ => failed(error.error),
    })?;
    Ok(sync_folder(folder).map_err(failed)?)
}

/// Places a new folder, filled by `fill` beside its final name: it appears whole or not at all. An empty folder of
/// that name is taken.
///
/// # Errors
/// [`PlaceError`], or whatever `fill` gives. Either way nothing is left.
pub fn new_folder<E: From<PlaceError>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| PlaceError::Write { path: path.to_owned(), source };
    let free = match path.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !free {
        return Err(PlaceError::Exists(path.to_owned()).into());
    }
    let parent = parent(path);
    let beside = tempfile::Builder::new().prefix(BESIDE).tempdir_in(parent).map_err(failed)?;
    fill(beside.path())?;
    sync_folder(beside.path()).map_err(failed)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a folder replaces nothing but an empty folder: the system refuses"
    )]
    std::fs::rename(beside.path(), path).map_err(failed)?;
    // What the guard would remove has its final name now.
    let _ = beside.keep();
    sync_folder(parent).map_err(failed)?;
    Ok(())
}

/// Makes a new folder that only its owner may look into.
///
/// # Errors
/// [`PlaceError::Write`], also where the folder exists.
pub fn private_folder(path: &Path) -> Result<(), PlaceError> {
    private().create(path).map_err(|source| PlaceError::Write { path: path.to_owned(), source })
}

#[cfg(unix)]
fn private() -> std::fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Elsewhere the folder's own access list decides; the new folder inherits it.
#[cfg(not(unix))]
fn private() -> std::fs::DirBuilder {
    std::fs::DirBuilder::new()
}

/// Removes from a folder what a killed process had begun to write beside its final name. Only who holds the lock of
/// whatever is written there may call it. What cannot be removed now is removed the next time.
pub fn sweep(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(BESIDE) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder's entries durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn with_readers<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
    readers: Readers,
) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everyone => 0o644,
    };
    builder.permissions(std::fs::Permissions::from_mode(mode))
}

/// Elsewhere the folder's own access list decides; the new file inherits it.
#[cfg(not(unix))]
fn with_readers<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
    _readers: Readers,
) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_overwrites_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        new_file(&path, b"first", Readers::Owner).unwrap();
        let error = new_file(&path, b"second", Readers::Owner).unwrap_err();
        assert!(matches!(error, PlaceError::Exists(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let fails = |_: &Path| Err(PlaceError::Exists("x".into()));
        assert!(new_folder(&path, fails).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let fills = |inside: &Path| new_file(&inside.join("a"), b"1", Readers::Owner);
        new_folder(&path, fills).unwrap();
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"1");
        assert!(matches!(new_folder(&path, fills), Err(PlaceError::Exists(_))));
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        new_file(&path, b"secret", Readers::Owner).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
