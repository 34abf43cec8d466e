//! Firmware images and partitions: bytes to bytes. Knows nothing of certificates, devices or files.

pub mod format;
mod image;
mod region;

pub use image::{Image, ImageError};
pub use region::{Region, RegionError};
