//! What a request asks for beyond its profile.

use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::request::{CertReq, ExtensionReq};

use crate::{KeyUsage as Usage, Profile};

const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
/// Says who may have a certificate revoked; it asks for nothing.
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// Follows from the key.
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

pub(super) fn beyond(request: &CertReq, profile: &Profile) -> Vec<String> {
    let mut named = Vec::new();
    for attribute in request.info.attributes.iter() {
        match attribute.oid {
            EXTENSION_REQUEST => {
                for value in attribute.values.iter() {
                    match value.decode_as::<ExtensionReq>() {
                        Ok(asked) => asked.0.iter().for_each(|one| named.extend(extension(one, profile))),
                        Err(_) => named.push("an extension request that cannot be read".to_owned()),
                    }
                }
            }
            CHALLENGE_PASSWORD => {}
            other => named.push(format!("the attribute {other}")),
        }
    }
    named
}

fn extension(asked: &Extension, profile: &Profile) -> Vec<String> {
    let value = asked.extn_value.as_bytes();
    let unread = || vec![format!("the extension {} that cannot be read", asked.extn_id)];
    match asked.extn_id {
        BASIC_CONSTRAINTS => match BasicConstraints::from_der(value) {
            Ok(constraints) if constraints.ca => vec!["CA:TRUE".to_owned()],
            Ok(_) => Vec::new(),
            Err(_) => unread(),
        },
        KEY_USAGE => KeyUsage::from_der(value).map_or_else(|_| unread(), |asked| usages(&asked, profile)),
        EXTENDED_KEY_USAGE => {
            ExtendedKeyUsage::from_der(value).map_or_else(|_| unread(), |asked| purposes(&asked, profile))
        }
        SUBJECT_KEY_ID => Vec::new(),
        SUBJECT_ALTERNATIVE_NAME => vec!["subject alternative names".to_owned()],
        _ if is_in(asked, profile) => Vec::new(),
        other => vec![format!("the extension {other}")],
    }
}

fn usages(asked: &KeyUsage, profile: &Profile) -> Vec<String> {
    let granted = |usage: Usage| profile.key_usage().contains(&usage);
    let known = [
        (asked.digital_signature(), Usage::DigitalSignature),
        (asked.non_repudiation(), Usage::NonRepudiation),
        (asked.key_encipherment(), Usage::KeyEncipherment),
        (asked.key_agreement(), Usage::KeyAgreement),
        (asked.key_cert_sign(), Usage::KeyCertSign),
        (asked.crl_sign(), Usage::CrlSign),
    ];
    let mut named: Vec<String> = known
        .into_iter()
        .filter(|(asked, usage)| *asked && !granted(*usage))
        .map(|(_, usage)| format!("the key usage {}", usage.as_str()))
        .collect();
    for (asked, name) in [
        (asked.data_encipherment(), "data-encipherment"),
        (asked.encipher_only(), "encipher-only"),
        (asked.decipher_only(), "decipher-only"),
    ] {
        named.extend(asked.then(|| format!("the key usage {name}")));
    }
    named
}

fn purposes(asked: &ExtendedKeyUsage, profile: &Profile) -> Vec<String> {
    let granted = |oid: &ObjectIdentifier| {
        profile.extended_key_usage().iter().any(|purpose| purpose.oid() == oid.to_string())
    };
    asked.0.iter().filter(|oid| !granted(oid)).map(|oid| format!("the extended key usage {oid}")).collect()
}

fn is_in(asked: &Extension, profile: &Profile) -> bool {
    profile
        .extensions()
        .iter()
        .any(|known| known.oid() == &asked.extn_id && known.value() == asked.extn_value.as_bytes())
}
