//! Tells whether the device behind a port's name is still the one that was there before.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::PortMark;
#[cfg(windows)]
pub use windows::PortMark;
