//! `esp_secure_cert` partitions, against `esp-secure-cert-tool`, and what is in them against openssl.

use std::path::Path;

use firmware_image::secure_cert::{Entry, EntryType, KeyProtection, read, with_integrity, write};

use crate::tools::{output, python, run, save};

fn tool(folder: &Path, arguments: &[&str]) -> String {
    let mut command = python();
    let program = Path::new(command.get_program()).with_file_name("configure_esp_secure_cert.py");
    command.arg(program).args(arguments).current_dir(folder);
    output(&mut command, "")
}

/// Certificates and keys, PEM and DER, made by openssl.
fn material(folder: &Path) {
    for name in ["ca", "device"] {
        let (key, certificate) = (format!("{name}.key.pem"), format!("{name}.pem"));
        run(folder, "openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
        let subject = format!("/CN={name}");
        let mut arguments =
            vec!["req", "-x509", "-new", "-key", &key, "-subj", &subject, "-out", &certificate];
        if name == "device" {
            arguments.extend(["-CA", "ca.pem", "-CAkey", "ca.key.pem"]);
        }
        run(folder, "openssl", &arguments);
        run(
            folder,
            "openssl",
            &["x509", "-in", &certificate, "-outform", "DER", "-out", &format!("{name}.der")],
        );
        run(folder, "openssl", &["ec", "-in", &key, "-outform", "DER", "-out", &format!("{name}.key.der")]);
    }
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn entry(folder: &Path, entry_type: EntryType, name: &str) -> Entry {
    if name.ends_with(".pem") {
        Entry::text(entry_type, std::str::from_utf8(&bytes(folder, name)).unwrap())
    } else {
        Entry::new(entry_type, &bytes(folder, name))
    }
}

fn credential(folder: &Path, form: &str) -> Vec<Entry> {
    vec![
        entry(folder, EntryType::CA_CERTIFICATE, &format!("ca.{form}")),
        entry(folder, EntryType::DEVICE_CERTIFICATE, &format!("device.{form}")),
        entry(folder, EntryType::PRIVATE_KEY, &format!("device.key.{form}")),
    ]
}

#[test]
fn partitions_are_those_of_the_tool_in_pem_and_in_der() {
    for form in ["pem", "der"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        material(folder);
        let (key, device, ca) =
            (format!("device.key.{form}"), format!("device.{form}"), format!("ca.{form}"));
        let files = ["--private-key", &key, "--device-cert", &device, "--ca-cert", &ca];
        let kind = ["--target_chip", "esp32c3", "--secure_cert_type", "cust_flash_tlv", "--skip_flash"];
        tool(folder, &[files.as_slice(), &kind, &["--priv_key_algo", "ECDSA", "256"]].concat());
        let theirs = bytes(folder, "esp_secure_cert_data/esp_secure_cert.bin");
        let ours = with_integrity(credential(folder, form)).unwrap();
        assert_eq!(theirs, *write(&ours).unwrap(), "{form}");
        assert!(read(&theirs).unwrap() == ours, "{form}");
    }
}

#[test]
fn the_tool_reads_ours_and_what_it_finds_is_one_credential() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    material(folder);
    let mut entries = credential(folder, "pem");
    let mut second = entry(folder, EntryType::CA_CERTIFICATE, "device.der");
    second.subtype = 1;
    entries.push(second);
    entries.push(Entry::new(EntryType::USER_DATA_1, b"0ne00ABCDEF"));
    let mut partition = write(&entries).unwrap();
    partition.resize(0x2000, 0xff);
    save(&folder.join("ours.bin"), &partition);
    let told = tool(folder, &["--parse_bin", "ours.bin"]);
    assert!(!told.to_lowercase().contains("warning"), "{told}");
    let found = folder.join("esp_secure_cert_parsed_data/contents");
    assert_eq!(bytes(&found, "cacert_0_0.pem"), bytes(folder, "ca.pem"));
    assert_eq!(bytes(&found, "devcert_1_0.pem"), bytes(folder, "device.pem"));
    assert_eq!(bytes(&found, "cacert_0_1.der"), bytes(folder, "device.der"));
    let table = bytes(folder, "esp_secure_cert_parsed_data/esp_secure_cert_parsed.csv");
    assert!(
        String::from_utf8(table).unwrap().contains("ESP_SECURE_CERT_USER_DATA_1_TLV,0,0ne00ABCDEF,string")
    );
    run(&found, "openssl", &["verify", "-CAfile", "cacert_0_0.pem", "devcert_1_0.pem"]);
    let of_key = run(&found, "openssl", &["pkey", "-in", "privkey_2_0.pem", "-pubout"]);
    assert_eq!(of_key, run(&found, "openssl", &["x509", "-in", "devcert_1_0.pem", "-noout", "-pubkey"]));
}

#[test]
fn digests_that_the_tool_appends_to_ours_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    material(folder);
    let entries = with_integrity(credential(folder, "pem")).unwrap();
    let mut partition = write(&entries).unwrap();
    partition.resize(0x2000, 0xff);
    save(&folder.join("ours.bin"), &partition);
    tool(folder, &["--append-integrity", "ours.bin"]);
    let read = read(&bytes(folder, "ours.bin")).unwrap();
    assert_eq!(read.len(), 5);
    assert!(read[..4] == entries);
    assert_eq!((read[4].entry_type, read[4].subtype), (EntryType::INTEGRITY, 1));
}

/// The tool encrypts an RSA key for the Digital Signature peripheral, here without a device.
#[test]
fn a_partition_for_the_signature_peripheral_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    material(folder);
    run(folder, "openssl", &["genrsa", "-traditional", "-out", "rsa.pem", "2048"]);
    save(&folder.join("hmac.bin"), &[7; 32]);
    let files = ["--private-key", "rsa.pem", "--device-cert", "device.pem", "--skip_flash", "--configure_ds"];
    let how = [
        "--target_chip",
        "esp32s3",
        "--secure_cert_type",
        "cust_flash_tlv",
        "--priv_key_algo",
        "RSA",
        "2048",
    ];
    tool(
        folder,
        &[files.as_slice(), &how, &["--efuse_key_id", "1", "--efuse_key_file", "hmac.bin"]].concat(),
    );
    let theirs = bytes(folder, "esp_secure_cert_data/esp_secure_cert.bin");
    let entries = read(&theirs).unwrap();
    let types: Vec<_> = entries.iter().map(|entry| entry.entry_type).collect();
    assert!(types.contains(&EntryType::DS_DATA) && types.contains(&EntryType::DS_CONTEXT), "{types:?}");
    assert!(entries.iter().all(|entry| entry.protection == KeyProtection::Plain));
    assert_eq!(theirs, *write(&entries).unwrap());
}
