//! Firmware images and partitions: bytes to bytes. Knows nothing of certificates, devices or files.
