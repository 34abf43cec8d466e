//! Reads the TOML that engineers write. An unknown key is an error that names file, line and the nearest known key.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a TOML file was refused.
#[derive(Debug, Error)]
pub enum DataFileError {
    /// The file could not be read.
    #[error("cannot read {path}: check the name and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no TOML, or holds a key or value that is not known.
    #[error("{file}, line {line}: {what}")]
    Content {
        /// File, or name of the built-in template.
        file: String,
        /// Line of the offence, from 1.
        line: usize,
        /// What is wrong, and the nearest known key where one is near.
        what: String,
    },
}

/// Reads and parses one file.
///
/// # Errors
/// [`DataFileError`], naming the file and the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DataFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| DataFileError::Read { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string())
}

/// Parses a TOML text; `file` is what an error calls it.
///
/// # Errors
/// [`DataFileError::Content`].
pub fn parse<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, DataFileError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        DataFileError::Content {
            file: file.to_owned(),
            line: text[..offset].matches('\n').count() + 1,
            what: with_nearest_key(error.message()),
        }
    })
}

/// Serde says "unknown field `prot`, expected one of `port`, `name`"; a person wants the one that was meant.
fn with_nearest_key(message: &str) -> String {
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is missing: add it");
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (Some((unknown, known)), true) = (
        quoted.split_first(),
        message.starts_with("unknown field") || message.starts_with("unknown variant"),
    ) else {
        return message.to_owned();
    };
    let nearest = known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(unknown, key), key))
        .min()
        .filter(|(distance, _)| *distance <= unknown.len().max(3) / 2);
    let kind = if message.starts_with("unknown field") { "unknown key" } else { "unknown value" };
    match nearest {
        Some((_, key)) => format!("{kind} `{unknown}`: did you mean `{key}`?"),
        None if known.is_empty() => format!("{kind} `{unknown}`: remove it"),
        None => format!("{kind} `{unknown}`: known here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the shape matters here")]
    struct Sample {
        port: String,
        baud: u32,
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let error = parse::<Sample>("baud = 9600\nprot = \"x\"\n", "station.toml").unwrap_err();
        assert_eq!(error.to_string(), "station.toml, line 2: unknown key `prot`: did you mean `port`?");
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = parse::<Sample>("baud = 9600\n", "station.toml").unwrap_err();
        assert_eq!(error.to_string(), "station.toml, line 1: the key `port` is missing: add it");
    }

    #[test]
    fn a_key_near_to_none_gets_the_list() {
        let error = parse::<Sample>("colour = 1\n", "f").unwrap_err();
        assert_eq!(error.to_string(), "f, line 1: unknown key `colour`: known here are port, baud");
    }
}
