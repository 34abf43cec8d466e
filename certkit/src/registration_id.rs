//! The name that a device registers under.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod error;

pub use error::{RegistrationIdError, RegistrationIdProblem};

/// Most characters that DPS takes.
const MOST: usize = 128;
/// Most characters of an X.509 common name (RFC 5280, appendix A.1, ub-common-name).
const MOST_AS_COMMON_NAME: usize = 64;

/// A registration ID: lower-case letters, digits, `-` `.` `_` `:`; the first a letter or digit, the last a letter,
/// digit or dash; 1 to 128 characters.
///
/// This is what all of Microsoft's texts on the matter agree on. Lower case, because a derived device key and a
/// device ID in IoT Hub depend on the case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistrationId(String);

impl RegistrationId {
    /// Parses an ID.
    ///
    /// # Errors
    /// [`RegistrationIdError`], naming the first character that is wrong and its index.
    pub fn parse(text: &str) -> Result<Self, RegistrationIdError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Checks a text as [`parse`](Self::parse) does, and keeps nothing of it: for lists that are read line by line.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn check(text: &str) -> Result<(), RegistrationIdError> {
        match find_problem(text) {
            None => Ok(()),
            Some(problem) => Err(RegistrationIdError::new(text, problem)),
        }
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks what IoT Central asks beyond: letters, digits and `-` only.
    ///
    /// # Errors
    /// [`RegistrationIdProblem::NotForCentral`].
    pub fn check_central(&self) -> Result<(), RegistrationIdError> {
        match self.0.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '-') {
            None => Ok(()),
            Some((index, character)) => Err(RegistrationIdError::new(
                &self.0,
                RegistrationIdProblem::NotForCentral { index, character },
            )),
        }
    }

    /// Checks that the ID fits into a certificate's common name: at most 64 characters.
    ///
    /// # Errors
    /// [`RegistrationIdProblem::TooLongForCommonName`].
    pub fn check_common_name(&self) -> Result<(), RegistrationIdError> {
        let length = self.0.len();
        if length <= MOST_AS_COMMON_NAME {
            return Ok(());
        }
        Err(RegistrationIdError::new(&self.0, RegistrationIdProblem::TooLongForCommonName { length }))
    }
}

fn find_problem(text: &str) -> Option<RegistrationIdProblem> {
    use RegistrationIdProblem as Problem;
    let Some(last) = text.chars().next_back() else {
        return Some(Problem::Empty);
    };
    for (index, character) in text.chars().enumerate() {
        match character {
            'a'..='z' | '0'..='9' => {}
            '-' | '.' | '_' | ':' if index > 0 => {}
            '-' | '.' | '_' | ':' => return Some(Problem::First { character }),
            'A'..='Z' => return Some(Problem::UpperCase { index, character }),
            _ if !character.is_ascii() => return Some(Problem::NotAscii { index, character }),
            _ => return Some(Problem::NotAllowed { index, character }),
        }
    }
    if text.len() > MOST {
        return Some(Problem::TooLong { length: text.len() });
    }
    if !last.is_ascii_alphanumeric() && last != '-' {
        return Some(Problem::Last { index: text.len() - 1, character: last });
    }
    None
}

impl fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistrationId({})", self.0)
    }
}

impl FromStr for RegistrationId {
    type Err = RegistrationIdError;

    fn from_str(text: &str) -> Result<Self, RegistrationIdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RegistrationId {
    type Error = RegistrationIdError;

    fn try_from(text: String) -> Result<Self, RegistrationIdError> {
        Self::parse(&text)
    }
}

impl From<RegistrationId> for String {
    fn from(id: RegistrationId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RegistrationIdProblem as Problem;
    use super::*;

    fn problem(text: &str) -> Problem {
        RegistrationId::parse(text).expect_err("refused").problem
    }

    #[test]
    fn ids_from_microsoft_s_texts_and_tools() {
        for id in [
            "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6",
            "contoso-simdevice",
            "sensor-001",
            "a",
            "0",
            "sn:007_888.abc-",
            "codm2knmvyqkrvdkwrrmq7bndamjjl6eduyqidyljvw4b5jum6ga",
        ] {
            assert_eq!(RegistrationId::parse(id).expect(id).as_str(), id);
        }
        let longest = format!("{}z", "a".repeat(127));
        assert_eq!(RegistrationId::parse(&longest).expect("128").as_str(), longest);
    }

    #[test]
    fn each_fault_has_its_own_error_with_index_and_character() {
        assert_eq!(problem(""), Problem::Empty);
        assert_eq!(problem("Sensor-001"), Problem::UpperCase { index: 0, character: 'S' });
        assert_eq!(problem("sensor-00A"), Problem::UpperCase { index: 9, character: 'A' });
        assert_eq!(problem("füller"), Problem::NotAscii { index: 1, character: 'ü' });
        // A Cyrillic letter that looks like a Latin one.
        assert_eq!(problem("s\u{0435}nsor"), Problem::NotAscii { index: 1, character: '\u{0435}' });
        assert_eq!(problem("a b"), Problem::NotAllowed { index: 1, character: ' ' });
        assert_eq!(problem("a\n"), Problem::NotAllowed { index: 1, character: '\n' });
        assert_eq!(problem("a,o=x"), Problem::NotAllowed { index: 1, character: ',' });
        assert_eq!(problem("-a"), Problem::First { character: '-' });
        assert_eq!(problem("a."), Problem::Last { index: 1, character: '.' });
        assert_eq!(problem(&"a".repeat(129)), Problem::TooLong { length: 129 });
    }

    #[test]
    fn the_text_says_why_lower_case() {
        let error = RegistrationId::parse("Sensor-001").expect_err("upper case").to_string();
        assert!(error.starts_with("registration ID \"Sensor-001\": upper-case 'S' at index 0"), "{error}");
        assert!(error.contains("case-sensitive"), "{error}");
    }

    #[test]
    fn central_and_common_name_ask_for_more() {
        let id = RegistrationId::parse("sn:007_888.abc-").expect("id");
        assert_eq!(
            id.check_central().expect_err("colon").problem,
            Problem::NotForCentral { index: 2, character: ':' }
        );
        assert!(RegistrationId::parse("sn-007").expect("id").check_central().is_ok());
        assert!(RegistrationId::parse(&"a".repeat(64)).expect("id").check_common_name().is_ok());
        let long = RegistrationId::parse(&"a".repeat(65)).expect("id");
        assert_eq!(
            long.check_common_name().expect_err("65").problem,
            Problem::TooLongForCommonName { length: 65 }
        );
    }

    proptest! {
        #[test]
        fn whatever_the_grammar_makes_is_taken(text in "[a-z0-9]([a-z0-9._:-]{0,126}[a-z0-9-])?") {
            prop_assert_eq!(RegistrationId::parse(&text).expect("taken").to_string(), text);
        }

        #[test]
        fn what_is_taken_fits_the_grammar(text in "[a-zA-C0-9._: é-]{0,140}") {
            let alphanumeric = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit();
            let characters: Vec<char> = text.chars().collect();
            let fits = characters.len() <= 128
                && characters.first().is_some_and(alphanumeric)
                && characters.last().is_some_and(|c| alphanumeric(c) || *c == '-')
                && characters.iter().all(|c| alphanumeric(c) || "-._:".contains(*c));
            prop_assert_eq!(RegistrationId::parse(&text).is_ok(), fits);
        }

        #[test]
        fn the_index_points_at_the_character(text in "\\PC{1,40}") {
            if let Err(error) = RegistrationId::parse(&text)
                && let Problem::UpperCase { index, character }
                | Problem::NotAscii { index, character }
                | Problem::NotAllowed { index, character }
                | Problem::Last { index, character } = error.problem
            {
                prop_assert_eq!(text.chars().nth(index), Some(character));
            }
        }
    }
}
