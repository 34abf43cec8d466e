//! The vault, opened by age with the unlock secret: what lies in it, without the station's help.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// The vault's own key, as age writes it.
pub fn vault_identity(station: &Path, unlock: &str) -> String {
    let wrapped = age::scrypt::Identity::new(unlock.to_owned().into());
    decrypted(&station.join("vault/vault-identity"), &wrapped).trim_end().to_owned()
}

/// Every secret in the vault, by its name.
pub fn opened_vault(station: &Path, unlock: &str) -> BTreeMap<String, String> {
    let identity: age::x25519::Identity = vault_identity(station, unlock).parse().unwrap();
    let entries = std::fs::read_dir(station.join("vault")).unwrap().map(|entry| entry.unwrap().path());
    let sealed = entries.filter(|path| path.extension().is_some_and(|extension| extension == "age"));
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    sealed.map(|path| (name(&path), decrypted(&path, &identity))).collect()
}

fn decrypted(path: &Path, with: &dyn age::Identity) -> String {
    let sealed = std::fs::read(path).unwrap();
    let mut text = String::new();
    let decryptor = age::Decryptor::new(&sealed[..]).unwrap();
    decryptor.decrypt(std::iter::once(with)).unwrap().read_to_string(&mut text).unwrap();
    text
}
