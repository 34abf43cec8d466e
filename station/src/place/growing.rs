//! A file that grows for as long as its command runs, and gets its name when it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{BESIDE, PlaceError, Readers, parent, sync_folder, with_readers};

/// A file on its way. Dropped before [`finish`](Self::finish) it is gone.
///
/// On Linux it has no name until then, so that nothing is left of it even where the process is killed: it may be
/// in a folder that no later command tidies up. On file systems that cannot do that, and elsewhere, a kill leaves
/// `.station-…` beside the name.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    beside: Beside,
}

#[derive(Debug)]
enum Beside {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(tempfile::NamedTempFile),
}

impl Growing {
    /// Begins a file that will be at `path`.
    ///
    /// # Errors
    /// [`PlaceError::Exists`] where the name is taken; [`PlaceError::Write`] where the system refuses.
    pub fn begin(path: &Path, readers: Readers) -> Result<Self, PlaceError> {
        if path.symlink_metadata().is_ok() {
            return Err(PlaceError::Exists(path.to_owned()));
        }
        let beside = Beside::new(parent(path), readers).map_err(|source| write_error(path, source))?;
        Ok(Self { path: path.to_owned(), beside })
    }

    /// Gives the file its name, durably.
    ///
    /// # Errors
    /// [`PlaceError::Exists`] where the name was taken meanwhile; [`PlaceError::Write`].
    pub fn finish(mut self) -> Result<(), PlaceError> {
        let path = self.path.as_path();
        let placed = self.beside.file().sync_all().and_then(|()| self.beside.link(path));
        placed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => PlaceError::Exists(path.to_owned()),
            _ => write_error(path, error),
        })?;
        sync_folder(parent(path)).map_err(|source| write_error(path, source))
    }

    /// What the system said while this file was written, with the file's name.
    pub fn failed(&self, source: io::Error) -> PlaceError {
        write_error(&self.path, source)
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.beside.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.beside.file().flush()
    }
}

impl Beside {
    #[cfg(target_os = "linux")]
    fn new(folder: &Path, readers: Readers) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};
        let mode = match readers {
            Readers::Owner => Mode::from_raw_mode(0o600),
            Readers::Everyone => Mode::from_raw_mode(0o644),
        };
        match open(folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, mode) {
            Ok(file) => Ok(Self::Nameless(file.into())),
            // Some network file systems have no files without names.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => Self::named(folder, readers),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn new(folder: &Path, readers: Readers) -> io::Result<Self> {
        Self::named(folder, readers)
    }

    fn named(folder: &Path, readers: Readers) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(BESIDE);
        with_readers(&mut builder, readers).tempfile_in(folder).map(Self::Named)
    }

    fn file(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }

    /// Replaces nothing: the system refuses.
    fn link(self, path: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => {
                use std::os::fd::AsRawFd;
                let own = format!("/proc/self/fd/{}", file.as_raw_fd());
                let here = rustix::fs::CWD;
                Ok(rustix::fs::linkat(here, own, here, path, rustix::fs::AtFlags::SYMLINK_FOLLOW)?)
            }
            Self::Named(file) => Ok(file.persist_noclobber(path).map(|_| ()).map_err(|error| error.error)?),
        }
    }
}

fn write_error(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(folder: &Path) -> [Beside; 2] {
        let new = |named| {
            if named { Beside::named(folder, Readers::Owner) } else { Beside::new(folder, Readers::Owner) }
        };
        [new(true).unwrap(), new(false).unwrap()]
    }

    #[test]
    fn it_has_its_name_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        for (name, beside) in ["a", "b"].into_iter().zip(both(folder.path())) {
            let path = folder.path().join(name);
            let mut file = Growing { path: path.clone(), beside };
            file.write_all(b"first").unwrap();
            assert!(!path.exists());
            file.finish().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"first");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn what_is_dropped_is_gone_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for beside in both(folder.path()) {
            Growing { path: path.clone(), beside }.write_all(b"half").unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        for beside in both(folder.path()) {
            File::create_new(&path).unwrap();
            let error = Growing { path: path.clone(), beside }.finish().unwrap_err();
            assert!(matches!(error, PlaceError::Exists(_)), "{error}");
            std::fs::remove_file(&path).unwrap();
        }
    }
}
