//! Why a product is refused, and the one thing that none may write.

use thiserror::Error;

use crate::data_file::DataFileError;
use crate::link::DialogueError;
use crate::template::TemplateError;

/// Why a product was refused.
#[derive(Debug, Error)]
pub enum ProductError {
    /// There is no such product, dialogue or document.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// Its dialogue is wrong.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// One of its documents is wrong.
    #[error("documents/{file}: {what}")]
    Document {
        /// Document's file name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It would put a hub connection string into a unit.
    #[error(
        "product {file} asks for a hub connection string ({found}): a unit that keeps one is lost when its hub \
         changes. Give it ID scope, device ID and credential; it gets the connection string from DPS each time it \
         registers"
    )]
    ConnectionString {
        /// Product's file name.
        file: String,
        /// The key or value.
        found: String,
    },
    /// A unit would leave without something that it needs, or with evidence that cannot be had.
    #[error("product {file}: {what}")]
    Impossible {
        /// Product's file name.
        file: String,
        /// What is missing, and the next step.
        what: String,
    },
}

/// Refuses a product that would write a hub's connection string: by the name of a key, or by the look of a value.
pub(super) fn refuse_connection_strings(text: &str, file: &str) -> Result<(), ProductError> {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Ok(()); // no TOML: the parser that follows says where
    };
    match find_connection_string(&toml::Value::Table(table)) {
        Some(found) => Err(ProductError::ConnectionString { file: file.to_owned(), found }),
        None => Ok(()),
    }
}

/// Refuses a document that is, or holds, a hub's connection string.
pub(super) fn refuse_connection_string_in(document: &str) -> Result<(), String> {
    let lower = document.to_ascii_lowercase();
    let found = ["sharedaccesskey=", "sharedaccesssignature="].into_iter().find(|key| lower.contains(key));
    let found =
        found.or_else(|| (lower.contains("hostname=") && lower.contains("deviceid=")).then_some("hostname="));
    match found {
        None => Ok(()),
        Some(found) => Err(format!(
            "it holds a hub connection string (`{found}`): a unit that keeps one is lost when its hub changes. Write ID scope, \
             device ID and credential; it gets the connection string from DPS each time it registers"
        )),
    }
}

fn find_connection_string(value: &toml::Value) -> Option<String> {
    // "DPS connection string" is what the MXChip calls its DPS settings: that one is allowed.
    let names_one = |text: &str| {
        let plain: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        plain.contains("connectionstring") && !plain.contains("dpsconnectionstring")
    };
    match value {
        toml::Value::String(text) => {
            let lower = text.to_ascii_lowercase();
            let is_one = lower.contains("hostname=") || lower.contains("sharedaccesskey=");
            (is_one || (names_one(text) && !text.contains(' '))).then(|| format!("value `{}`", elide(text)))
        }
        toml::Value::Array(values) => values.iter().find_map(find_connection_string),
        toml::Value::Table(table) => table.iter().find_map(|(key, value)| {
            if names_one(key) { Some(format!("key `{key}`")) } else { find_connection_string(value) }
        }),
        _ => None,
    }
}

/// A connection string holds a key: only its beginning is shown.
fn elide(text: &str) -> String {
    let start: String = text.chars().take(12).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}
