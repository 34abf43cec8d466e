//! Open descriptors of this process that a command line names. What differs on Windows is here.

use std::fs::File;
use std::io;

/// Whether it is open.
#[cfg(not(windows))]
pub(super) fn is_open(number: u32) -> bool {
    path(number).symlink_metadata().is_ok()
}

/// Opens it, to be read.
#[cfg(not(windows))]
pub(super) fn open(number: u32) -> io::Result<File> {
    File::open(path(number))
}

#[cfg(not(windows))]
fn path(number: u32) -> std::path::PathBuf {
    std::path::PathBuf::from(format!("/dev/fd/{number}"))
}

/// Whether it is open: no file of the station's can have got its number meanwhile, so opening it tells.
#[cfg(windows)]
pub(super) fn is_open(_number: u32) -> bool {
    true
}

/// Opens it, to be read. Only standard input has a number that one program can tell another.
#[cfg(windows)]
pub(super) fn open(number: u32) -> io::Result<File> {
    use std::os::windows::io::AsHandle;

    if number != 0 {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "on Windows it must be 0, standard input"));
    }
    // Not through the library's buffer, which nobody wipes.
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}
