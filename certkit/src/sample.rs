//! Authorities and devices for unit tests.

use time::OffsetDateTime;
use time::macros::datetime;

use crate::{
    Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm, Profile, RegistrationId, Signer,
    SoftwareSigner, Subject,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

pub(crate) const ROOT: &str = include_str!("../../templates/profiles/root.toml");
pub(crate) const INTERMEDIATE: &str = include_str!("../../templates/profiles/intermediate.toml");
pub(crate) const DEVICE: &str = include_str!("../../templates/profiles/azure-device.toml");
pub(crate) const INDIVIDUAL: &str = include_str!("../../templates/profiles/individual-device.toml");

pub(crate) fn profile(text: &str) -> Profile {
    Profile::from_toml(text).expect("profile")
}

/// A built-in profile with one line replaced.
pub(crate) fn profile_with(text: &str, old: &str, new: &str) -> Profile {
    assert!(text.contains(old), "{old}");
    profile(&text.replace(old, new))
}

pub(crate) fn signer() -> SoftwareSigner {
    SoftwareSigner::generate(KeyAlgorithm::P256).expect("key")
}

pub(crate) fn serial(sequence: u64) -> CertificateSerial {
    CertificateSerial::new(sequence, [0xa5; 8])
}

pub(crate) fn authority(name: &str) -> Subject {
    Subject::Authority(CommonName::parse(name).expect("name"))
}

pub(crate) fn device(id: &str) -> Subject {
    Subject::Device(RegistrationId::parse(id).expect("id"))
}

pub(crate) fn root() -> Issuer {
    let key = signer();
    let certificate =
        Issuer::self_signed(&profile(ROOT), &authority("Root"), &key, &serial(1), NOW).expect("root");
    Issuer::new(certificate, Box::new(key)).expect("root")
}

pub(crate) fn intermediate(issuer: &Issuer, name: &str, profile: &Profile) -> Issuer {
    let key = signer();
    let certificate = issuer.issue(profile, &authority(name), key.public_key(), &serial(2), NOW).expect(name);
    Issuer::new(certificate, Box::new(key)).expect(name)
}

pub(crate) fn leaf(issuer: &Issuer, id: &str) -> Certificate {
    issuer.issue(&profile(DEVICE), &device(id), signer().public_key(), &serial(3), NOW).expect(id)
}
