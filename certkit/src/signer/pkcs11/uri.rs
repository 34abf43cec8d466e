//! PKCS#11 URIs (RFC 7512): where a key lies, written as text.

mod error;
mod percent;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use error::TokenUriError;
use percent::{decode, encode};

const SCHEME: &str = "pkcs11:";
/// What may stand bare in a value besides letters, digits and `-._~` (RFC 7512 §2.3): in the path, in the query.
const PATH_MARKS: &str = ":[]@!$'()*+,=&";
const QUERY_MARKS: &str = ":[]@!$'()*+,=/?|";

/// The kind of an object (RFC 7512 §2.3, `type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// `private`: a private key.
    Private,
    /// `public`: a public key.
    Public,
    /// `cert`: a certificate.
    Certificate,
    /// `secret-key`: a symmetric key.
    SecretKey,
    /// `data`: anything else.
    Data,
}

impl ObjectType {
    const ALL: [(&'static str, Self); 5] = [
        ("private", Self::Private),
        ("public", Self::Public),
        ("cert", Self::Certificate),
        ("secret-key", Self::SecretKey),
        ("data", Self::Data),
    ];
}

/// A PKCS#11 URI (RFC 7512): which token, which object on it, and which module speaks with it.
///
/// An attribute that is not given matches everything. A PIN never stands in a URI: `pin-value` and `pin-source` are
/// refused.
///
/// ```
/// use certkit::TokenUri;
///
/// let uri: TokenUri = "pkcs11:token=Line%201;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so".parse()?;
/// assert_eq!(uri.token.as_deref(), Some("Line 1"));
/// assert_eq!(uri.to_string().parse::<TokenUri>()?, uri);
/// # Ok::<(), certkit::TokenUriError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TokenUri {
    /// `token`: the token's label.
    pub token: Option<String>,
    /// `manufacturer`: who made the token.
    pub manufacturer: Option<String>,
    /// `model`: the token's model.
    pub model: Option<String>,
    /// `serial`: the token's serial number.
    pub serial: Option<String>,
    /// `object`: the object's label (CKA_LABEL).
    pub object: Option<String>,
    /// `id`: the object's identifier (CKA_ID).
    pub id: Option<Vec<u8>>,
    /// `type`: the object's kind.
    pub object_type: Option<ObjectType>,
    /// `module-path`: the file of the module, the library that the token's maker gives.
    pub module_path: Option<PathBuf>,
}

impl TokenUri {
    /// The same token and module, and this object on it.
    #[must_use]
    pub fn with_private_key(&self, label: &str, id: &[u8]) -> Self {
        Self {
            object: Some(label.to_owned()),
            id: Some(id.to_vec()),
            object_type: Some(ObjectType::Private),
            ..self.clone()
        }
    }

    /// The same token and module, without an object.
    #[must_use]
    pub fn without_object(&self) -> Self {
        Self { object: None, id: None, object_type: None, ..self.clone() }
    }

    /// The same token and object, without the module's path: what errors show.
    pub(super) fn without_module(&self) -> Self {
        Self { module_path: None, ..self.clone() }
    }

    /// Whether it names an object of the token, and not the token alone.
    #[must_use]
    pub fn names_object(&self) -> bool {
        self.object.is_some() || self.id.is_some() || self.object_type.is_some()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), TokenUriError> {
        let text = || {
            let value = decode(name, value, PATH_MARKS)?;
            String::from_utf8(value).map_err(|_| TokenUriError::NotUtf8 { attribute: name.to_owned() })
        };
        match name {
            "token" => put(&mut self.token, name, text()?),
            "manufacturer" => put(&mut self.manufacturer, name, text()?),
            "model" => put(&mut self.model, name, text()?),
            "serial" => put(&mut self.serial, name, text()?),
            "object" => put(&mut self.object, name, text()?),
            "id" => put(&mut self.id, name, decode(name, value, PATH_MARKS)?),
            "type" => put(&mut self.object_type, name, object_type(&text()?)?),
            _ => Err(refused(name)),
        }
    }

    fn set_query(&mut self, name: &str, value: &str) -> Result<(), TokenUriError> {
        if name != "module-path" {
            return Err(refused(name));
        }
        let path = String::from_utf8(decode(name, value, QUERY_MARKS)?)
            .map_err(|_| TokenUriError::NotUtf8 { attribute: name.to_owned() })?;
        if !Path::new(&path).is_absolute() {
            return Err(TokenUriError::RelativeModule { path });
        }
        put(&mut self.module_path, name, path.into())
    }
}

fn put<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), TokenUriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TokenUriError::Twice { attribute: name.to_owned() }),
    }
}

fn object_type(value: &str) -> Result<ObjectType, TokenUriError> {
    let found = ObjectType::ALL.iter().find(|(name, _)| *name == value).map(|(_, object_type)| *object_type);
    found.ok_or_else(|| TokenUriError::Type { value: value.to_owned() })
}

/// Why an attribute is not taken.
fn refused(name: &str) -> TokenUriError {
    let attribute = name.to_owned();
    match name {
        "pin-value" | "pin-source" => TokenUriError::Pin { attribute },
        "module-name" => TokenUriError::ModuleName,
        "slot-id"
        | "slot-description"
        | "slot-manufacturer"
        | "library-description"
        | "library-manufacturer"
        | "library-version" => TokenUriError::NotTaken { attribute },
        _ => TokenUriError::Unknown { attribute },
    }
}

/// `name=value` pairs of one part, each non-empty.
fn pairs(part: &str, separator: char) -> impl Iterator<Item = Result<(&str, &str), TokenUriError>> {
    let pieces = (!part.is_empty()).then(|| part.split(separator));
    pieces.into_iter().flatten().map(|piece| match piece.split_once('=') {
        Some((name, "")) => Err(TokenUriError::Empty { attribute: name.to_owned() }),
        Some(pair) => Ok(pair),
        None => Err(TokenUriError::NoValue { piece: piece.to_owned() }),
    })
}

impl FromStr for TokenUri {
    type Err = TokenUriError;

    fn from_str(text: &str) -> Result<Self, TokenUriError> {
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(TokenUriError::Scheme),
        };
        let (path, query) = match rest.split_once('?') {
            Some((_, "")) => return Err(TokenUriError::NoValue { piece: "?".to_owned() }),
            Some((path, query)) => (path, query),
            None => (rest, ""),
        };
        let mut uri = Self::default();
        for pair in pairs(path, ';') {
            let (name, value) = pair?;
            uri.set(name, value)?;
        }
        for pair in pairs(query, '&') {
            let (name, value) = pair?;
            uri.set_query(name, value)?;
        }
        Ok(uri)
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.as_deref().map(|text| encode(text.as_bytes(), PATH_MARKS));
        let kind = ObjectType::ALL.iter().find(|(_, kind)| Some(*kind) == self.object_type);
        let path = [
            ("token", text(&self.token)),
            ("manufacturer", text(&self.manufacturer)),
            ("model", text(&self.model)),
            ("serial", text(&self.serial)),
            ("object", text(&self.object)),
            // RFC 7512 §2.3 recommends every octet of an id in percent form.
            ("id", self.id.as_ref().map(|id| id.iter().map(|octet| format!("%{octet:02x}")).collect())),
            ("type", kind.map(|(name, _)| (*name).to_owned())),
        ];
        let path: Vec<String> =
            path.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
        write!(f, "{SCHEME}{}", path.join(";"))?;
        match &self.module_path {
            Some(path) => {
                write!(f, "?module-path={}", encode(path.to_string_lossy().as_bytes(), QUERY_MARKS))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> TokenUriError {
        text.parse::<TokenUri>().expect_err(text)
    }

    #[test]
    fn every_attribute_is_read_and_written() {
        let text = "pkcs11:token=Line%201;manufacturer=Snake%20Oil,%20Inc.;model=1.0;serial=DECC0401648;\
                    object=root%3b1;id=%00%ffx;type=private?module-path=/usr/lib/a%26b.so";
        let uri: TokenUri = text.parse().expect("uri");
        assert_eq!(uri.token.as_deref(), Some("Line 1"));
        assert_eq!(uri.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!((uri.model.as_deref(), uri.serial.as_deref()), (Some("1.0"), Some("DECC0401648")));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("root;1"), Some(&[0, 0xff, b'x'][..])));
        assert_eq!(uri.object_type, Some(ObjectType::Private));
        assert_eq!(uri.module_path.as_deref(), Some(Path::new("/usr/lib/a&b.so")));
        assert!(uri.names_object() && !uri.without_object().names_object());
        assert_eq!(uri.to_string(), text.replace("%3b", "%3B").replace("%ffx", "%ff%78"));
        assert_eq!("PKCS11:".parse::<TokenUri>(), Ok(TokenUri::default()));
    }

    #[test]
    fn each_fault_is_named() {
        use TokenUriError as Error;
        let named = |name: &str| name.to_owned();
        for (text, error) in [
            ("token=a", Error::Scheme),
            ("pkcs11", Error::Scheme),
            ("pkcs11:token=a?", Error::NoValue { piece: named("?") }),
            ("pkcs11:token", Error::NoValue { piece: named("token") }),
            ("pkcs11:token=a;", Error::NoValue { piece: named("") }),
            ("pkcs11:token=", Error::Empty { attribute: named("token") }),
            ("pkcs11:token=a;token=a", Error::Twice { attribute: named("token") }),
            ("pkcs11:id=%01;id=%01", Error::Twice { attribute: named("id") }),
            ("pkcs11:token=a%2", Error::Percent { attribute: named("token"), found: named("%2") }),
            ("pkcs11:token=a%+1", Error::Percent { attribute: named("token"), found: named("%+1") }),
            ("pkcs11:token=a%äb", Error::Percent { attribute: named("token"), found: named("%äb") }),
            ("pkcs11:token=a b", Error::Character { attribute: named("token"), found: ' ' }),
            ("pkcs11:token=a/b", Error::Character { attribute: named("token"), found: '/' }),
            ("pkcs11:token=ä", Error::Character { attribute: named("token"), found: 'ä' }),
            ("pkcs11:token=%ff", Error::NotUtf8 { attribute: named("token") }),
            ("pkcs11:type=key", Error::Type { value: named("key") }),
            ("pkcs11:?pin-value=1234", Error::Pin { attribute: named("pin-value") }),
            ("pkcs11:?pin-source=file:/pin", Error::Pin { attribute: named("pin-source") }),
            ("pkcs11:pin-value=1234", Error::Pin { attribute: named("pin-value") }),
            ("pkcs11:?module-name=softhsm2", Error::ModuleName),
            ("pkcs11:?module-path=lib.so", Error::RelativeModule { path: named("lib.so") }),
            ("pkcs11:?module-path=/a&module-path=/a", Error::Twice { attribute: named("module-path") }),
            ("pkcs11:slot-id=0", Error::NotTaken { attribute: named("slot-id") }),
            ("pkcs11:x-contoso=1", Error::Unknown { attribute: named("x-contoso") }),
            ("pkcs11:Token=a", Error::Unknown { attribute: named("Token") }),
            ("pkcs11:module-path=/a", Error::Unknown { attribute: named("module-path") }),
            ("pkcs11:?token=a", Error::Unknown { attribute: named("token") }),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
    }

    #[test]
    fn a_pin_in_a_uri_is_not_repeated() {
        for text in
            ["pkcs11:?pin-value=1234", "pkcs11:pin-value=1234", "pkcs11:?pin-value=1234&pin-value=1234"]
        {
            let error = refused(text);
            assert!(!format!("{error} {error:?}").contains("1234"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(token in "\\PC{1,12}", object in "\\PC{1,12}", id: Vec<u8>, path in "/\\PC{0,9}") {
            let id = (!id.is_empty()).then_some(id);
            let uri = TokenUri {
                token: Some(token),
                object: Some(object),
                id,
                module_path: Some(path.into()),
                ..TokenUri::default()
            };
            prop_assert_eq!(uri.to_string().parse::<TokenUri>(), Ok(uri));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(pkcs11:)?\\PC{0,40}") {
            let _ = text.parse::<TokenUri>();
        }
    }
}
