//! Random keys that were made without units, as they lie in the vault until the service has them: one file for each
//! ledger entry that announces them.

use certkit::{DeviceKey, RegistrationId};
use zeroize::Zeroizing;

use super::{Secret, UnitKeys};

/// Whose keys, and the keys.
#[derive(Debug, Default)]
pub struct KeysAhead(Vec<(RegistrationId, UnitKeys)>);

impl KeysAhead {
    /// Takes the keys of one more identity.
    pub fn push(&mut self, id: RegistrationId, keys: UnitKeys) {
        self.0.push((id, keys));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of an identity.
    pub fn of(&self, id: &RegistrationId) -> Option<&UnitKeys> {
        self.0.iter().find(|(of, _)| of == id).map(|(_, keys)| keys)
    }

    /// A line each: `registration_id,primary,secondary`, keys in base64.
    pub fn to_secret(&self) -> Secret {
        let texts: Vec<_> = self.0.iter().map(|(id, keys)| (id, keys.to_base64())).collect();
        let long = |(id, [primary, secondary]): &(&RegistrationId, [Zeroizing<String>; 2])| {
            id.as_str().len() + primary.len() + secondary.len() + 3
        };
        // Room for all of it at once, so that growing leaves no unwiped copy of a key behind.
        let mut text = Zeroizing::new(String::with_capacity(texts.iter().map(long).sum()));
        for (id, [primary, secondary]) in &texts {
            for part in [id.as_str(), ",", primary, ",", secondary, "\n"] {
                text.push_str(part);
            }
        }
        text.into()
    }

    /// Reads what [`KeysAhead::to_secret`] made; none where it is something else.
    pub fn from_secret(secret: &Secret) -> Option<Self> {
        let line = |line: &str| {
            let (id, keys) = line.split_once(',')?;
            let (primary, secondary) = keys.split_once(',')?;
            let key = |text| DeviceKey::parse(text).ok();
            let keys = UnitKeys { primary: key(primary)?, secondary: key(secondary)? };
            Some((RegistrationId::parse(id).ok()?, keys))
        };
        secret.text()?.lines().map(line).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_in_and_come_out() {
        let text = "gw-1,AAECAwQFBgcICQoLDA0ODw==,Dw4NDAsKCQgHBgUEAwIBAA==\n\
                    gw-2,AQECAwQFBgcICQoLDA0ODw==,AQ4NDAsKCQgHBgUEAwIBAA==\n";
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let keys = KeysAhead::from_secret(&secret(text)).unwrap();
        assert_eq!(keys.to_secret(), secret(text));
        let of = |id: &str| keys.of(&id.parse().unwrap()).map(|keys| keys.primary.bytes()[0]);
        assert_eq!([of("gw-1"), of("gw-2"), of("gw-3")], [Some(0), Some(1), None]);
        for wrong in ["gw-1,AAECAwQFBgcICQoLDA0ODw==\n", "gw-1\n", &format!("{text}more\n")] {
            assert!(KeysAhead::from_secret(&secret(wrong)).is_none(), "{wrong}");
        }
    }
}
