//! A unit's own random keys, as they lie in the vault until the service has them.

use certkit::DeviceKey;
use zeroize::Zeroizing;

use super::Secret;

/// The primary, which the unit gets, and the secondary, which only the service gets.
#[derive(Debug)]
pub struct UnitKeys {
    /// What the unit attests with.
    pub primary: DeviceKey,
    /// What the service takes too, once the primary is to be exchanged.
    pub secondary: DeviceKey,
}

impl UnitKeys {
    /// Primary and secondary in base64.
    pub fn to_base64(&self) -> [Zeroizing<String>; 2] {
        [self.primary.to_base64(), self.secondary.to_base64()]
    }

    /// Two lines of base64: primary, secondary.
    pub fn to_secret(&self) -> Secret {
        let [primary, secondary] = self.to_base64();
        // Room for all of it at once, so that growing leaves no unwiped copy of a key behind.
        let mut text = Zeroizing::new(String::with_capacity(primary.len() + secondary.len() + 2));
        for key in [primary, secondary] {
            text.push_str(&key);
            text.push('\n');
        }
        text.into()
    }

    /// Reads what [`UnitKeys::to_secret`] made; none where it is something else.
    pub fn from_secret(secret: &Secret) -> Option<Self> {
        let mut lines = secret.text()?.lines();
        let mut key = || DeviceKey::parse(lines.next()?).ok();
        let keys = Self { primary: key()?, secondary: key()? };
        lines.next().is_none().then_some(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn two_lines_go_in_and_come_out() {
        let text = "AAECAwQFBgcICQoLDA0ODw==\nDw4NDAsKCQgHBgUEAwIBAA==\n";
        let keys = UnitKeys::from_secret(&secret(text)).unwrap();
        assert_eq!(keys.primary.bytes()[..3], [0, 1, 2]);
        assert_eq!(keys.to_secret(), secret(text));
        for wrong in ["", "AAECAwQFBgcICQoLDA0ODw==\n", "no key\nat all\n", &format!("{text}more\n")] {
            assert!(UnitKeys::from_secret(&secret(wrong)).is_none(), "{wrong}");
        }
    }
}
