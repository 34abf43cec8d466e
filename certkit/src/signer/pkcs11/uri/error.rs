//! Why a text is no PKCS#11 URI that is taken here.

use thiserror::Error;

/// Why a text is no PKCS#11 URI (RFC 7512) that is taken here. A PIN that stood in it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenUriError {
    /// Another scheme, or none.
    #[error("a PKCS#11 URI begins with `pkcs11:`: give one like pkcs11:token=LABEL?module-path=/…/module.so")]
    Scheme,
    /// A piece without `=`.
    #[error(
        "`{piece}` has no value: write attributes as NAME=VALUE, `;` between them, and after a `?` with `&`"
    )]
    NoValue {
        /// The piece.
        piece: String,
    },
    /// Nothing after `=`.
    #[error("`{attribute}` is empty: give its value, or leave it out")]
    Empty {
        /// The attribute.
        attribute: String,
    },
    /// An attribute again.
    #[error("`{attribute}` is given twice: give it once")]
    Twice {
        /// The attribute.
        attribute: String,
    },
    /// A percent sign without two hex digits.
    #[error(
        "`{attribute}` holds `{found}`, which is no octet: write `%` and two hex digits, and a percent sign as %25"
    )]
    Percent {
        /// The attribute.
        attribute: String,
        /// What stands there.
        found: String,
    },
    /// A character that must not stand bare (RFC 7512 §2.3).
    #[error(
        "`{attribute}` holds {found:?}, which must not stand bare in a URI: write each of its octets as `%` and two hex digits"
    )]
    Character {
        /// The attribute.
        attribute: String,
        /// The character.
        found: char,
    },
    /// The value is no text.
    #[error("`{attribute}` is no UTF-8 text: write the text's octets in UTF-8")]
    NotUtf8 {
        /// The attribute.
        attribute: String,
    },
    /// An unknown kind of object.
    #[error("`type={value}` is no kind of object: use private, public, cert, secret-key or data")]
    Type {
        /// The value.
        value: String,
    },
    /// A PIN, or where to read one.
    #[error(
        "`{attribute}` has no place in a URI here, where it could be read or logged: PINs come from the vault; leave it out"
    )]
    Pin {
        /// The attribute.
        attribute: String,
    },
    /// A module by name: where it lies would be guessed.
    #[error("`module-name` is not taken, since where modules lie differs: name the file with `module-path`")]
    ModuleName,
    /// The module's path hangs on the current folder.
    #[error("`module-path={path}` is not absolute: give the path from `/` on")]
    RelativeModule {
        /// The path.
        path: String,
    },
    /// An attribute of the RFC that is not taken here.
    #[error(
        "`{attribute}` is not taken here, since it changes with the machine: name the token by token, serial, model or manufacturer"
    )]
    NotTaken {
        /// The attribute.
        attribute: String,
    },
    /// An attribute that the RFC does not have at that place.
    #[error(
        "`{attribute}` is unknown there: before the `?` stand token, manufacturer, model, serial, object, id and type, after it module-path"
    )]
    Unknown {
        /// The attribute.
        attribute: String,
    },
}
