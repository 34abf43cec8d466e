//! How an error reads in one line, wherever it is shown or recorded.

use std::error::Error;

/// An error and its causes in one line, each said once. Some of it was said by units: nothing of it can steer a terminal, or
/// turn the line round.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    if text.contains(steers) { text.chars().map(harmless).collect() } else { text }
}

/// Control characters, but for those of quoted lines of files; and Unicode's marks of direction.
fn steers(character: char) -> bool {
    let marks = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    marks || character.is_control() && !matches!(character, '\n' | '\t')
}

fn harmless(character: char) -> String {
    if steers(character) { character.escape_default().to_string() } else { character.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    #[test]
    fn what_a_unit_says_steers_no_terminal() {
        let said = with_causes(&Said("a\u{1b}[2J\r\u{202e}b \u{fc}\n\tc"));
        assert_eq!(said, "a\\u{1b}[2J\\r\\u{202e}b \u{fc}\n\tc");
    }

    #[test]
    fn each_cause_is_said_once() {
        assert_eq!(with_causes(&Outer(Inner)), "outer: inner");
    }
}
