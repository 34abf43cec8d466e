//! Certificates and keys for devices that connect through Azure DPS.
