//! Keys and tokens against what other programs made.
//!
//! `vectors/device-keys.csv`: each row was computed by dps-keygen 0.3.4, azure-cli 2.65.0 with azure-iot 0.25.0, PyPI iotc
//! 1.1.3, openssl 3.0.19 and Python's hmac, and all five agreed. `vectors/sas-signatures.csv`: signatures that the Python
//! SDK (azure-iot-device 2.14), node's azure-iot-common 1.13, az, the PyPI service client and openssl made of these texts.

use certkit::{DerivedKeyText, DeviceKey, GroupKey, RegistrationId, SasToken, SasTokenError};

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

#[test]
fn derived_keys_are_those_of_five_other_programs() {
    let mut derived = 0;
    let mut text = DerivedKeyText::default();
    for row in rows(include_str!("vectors/device-keys.csv")) {
        let [group_key, id, device_key] = row[..] else { panic!("{row:?}") };
        let group = GroupKey::parse(group_key).unwrap();
        let Ok(registration_id) = RegistrationId::parse(id) else {
            assert!(group.derive_into(id, &mut text).is_err(), "{id}");
            assert!(
                id.contains(char::is_uppercase) || id.ends_with('.'),
                "{id} is refused for another reason"
            );
            continue;
        };
        assert_eq!(*group.derive(&registration_id).to_base64(), device_key, "{id}");
        assert_eq!(group.derive_into(id, &mut text).unwrap(), device_key, "{id}");
        derived += 1;
    }
    assert!(derived >= 9, "{derived}");
}

#[test]
fn ids_that_are_refused_still_hold_for_the_hmac() {
    for row in rows(include_str!("vectors/device-keys.csv")) {
        let [group_key, id, device_key] = row[..] else { panic!("{row:?}") };
        let key = DeviceKey::parse(group_key).unwrap();
        let expected = DeviceKey::parse(device_key).unwrap();
        assert_eq!(key.mac(id.as_bytes()), expected.bytes(), "{id}");
    }
}

#[test]
fn tokens_of_every_spelling_are_verified() {
    for row in rows(include_str!("vectors/sas-signatures.csv")) {
        let [kind, key, resource, expiry, signature] = row[..] else { panic!("{row:?}") };
        let key = DeviceKey::parse(key).unwrap();
        let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let policy = if kind == "device" { "registration" } else { "provisioningserviceowner" };
        // The PyPI service client leaves `/` as it is; others escape it. The order of fields differs, `skn` may be missing.
        let half = signature.replace('+', "%2B").replace('=', "%3D");
        for token in [
            format!("SharedAccessSignature sr={resource}&sig={escaped}&se={expiry}"),
            format!("SharedAccessSignature sr={resource}&sig={escaped}&skn={policy}&se={expiry}"),
            format!("SharedAccessSignature sig={half}&se={expiry}&skn={policy}&sr={resource}"),
        ] {
            let verified = SasToken::verify(&token, &key, 1_800_000_000).unwrap();
            assert_eq!(verified.expiry, 1_900_000_000);
            assert!(!verified.resource.contains('%'), "{}", verified.resource);
        }
        let other = DeviceKey::parse("AAECAwQFBgcICQoLDA0ODw==").unwrap();
        let token = format!("SharedAccessSignature sr={resource}&sig={escaped}&se={expiry}");
        assert_eq!(SasToken::verify(&token, &other, 0), Err(SasTokenError::Signature));
    }
}

#[test]
fn our_tokens_carry_the_signatures_that_others_make() {
    let key = DeviceKey::parse("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=").unwrap();
    let token = |id: &str| SasToken {
        resource: format!("0ne00ABCDEF/registrations/{id}"),
        expiry: 1_900_000_000,
        policy: Some("registration".to_owned()),
    };
    assert_eq!(
        token("sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6").sign(&key),
        "SharedAccessSignature sr=0ne00ABCDEF%2Fregistrations%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6&\
         sig=LA1a8h%2Bok%2FhZez2hWFuSVLj%2FTsW6UsrckxhICyeM5Tg%3D&se=1900000000&skn=registration"
    );
    assert!(
        token("sn:007_888.abc-1").sign(&key).contains("sig=h25kmkXiIewbNGdev0BbN23Gt5DwMdJixxSHOCbIS68%3D")
    );
}
