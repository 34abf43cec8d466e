//! A profile is refused, or certificates are issued by it that are read again; a device's also from a template.
#![no_main]

use std::sync::{Arc, LazyLock};

use certkit::{
    Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm, Kind, OutlivingIssuer, Profile, Signer,
    SoftwareSigner, Subject, Template, VerificationCode,
};

static KEY: LazyLock<SoftwareSigner> =
    LazyLock::new(|| SoftwareSigner::generate(KeyAlgorithm::P256).expect("key"));
static ROOT: LazyLock<Arc<Issuer>> = LazyLock::new(|| {
    let text = "kind = 'root'\nvalidity = { years = 100 }\nkey_usage = ['key-cert-sign']";
    let (profile, now) = (Profile::from_toml(text).expect("profile"), now());
    let subject = Subject::Authority(CommonName::parse("Root").expect("name"));
    let key = SoftwareSigner::generate(KeyAlgorithm::P256).expect("key");
    let certificate = Issuer::self_signed(&profile, &subject, &key, &serial(), now).expect("root");
    Arc::new(Issuer::new(certificate, Box::new(key)).expect("root"))
});

fn now() -> time::OffsetDateTime {
    time::macros::datetime!(2026-11-24 08:00 UTC)
}

fn serial() -> CertificateSerial {
    CertificateSerial::new(1, [1; 8])
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(profile) = Profile::from_toml(text) else { return };
    let subject = match profile.kind() {
        Kind::Root | Kind::Intermediate => Subject::Authority(CommonName::parse("Line 1").expect("name")),
        Kind::Device | Kind::Individual => Subject::Device("sensor-001".parse().expect("id")),
        Kind::Possession => Subject::Possession(VerificationCode::parse("106A5SD242").expect("code")),
        Kind::AuditSigner => Subject::Auditor(CommonName::parse("Records").expect("name")),
    };
    if !profile.keys().contains(&KeyAlgorithm::P256) {
        return;
    }
    let made = match profile.kind().is_self_signed() {
        true => Issuer::self_signed(&profile, &subject, &*KEY, &serial(), now()),
        false => ROOT.issue(&profile, &subject, KEY.public_key(), &serial(), now()),
    };
    match made {
        Ok(certificate) => {
            assert_eq!(certificate.is_authority(), profile.kind().is_authority());
            if let Subject::Device(id) = &subject
                && !profile.kind().is_self_signed()
            {
                let template =
                    Template::new(ROOT.clone(), &profile, KeyAlgorithm::P256, now()).expect("template");
                let der = template
                    .issue_now(id, KEY.public_key(), &serial(), now())
                    .expect("as without a template");
                assert_eq!(
                    Certificate::from_der(&der).expect("as without a template").subject_name(),
                    certificate.subject_name()
                );
            }
        }
        Err(certkit::IssueError::OutlivesIssuer { .. }) => {
            assert_eq!(profile.outliving_issuer(), OutlivingIssuer::Refused)
        }
        Err(other) => panic!("{other}"),
    }
});
