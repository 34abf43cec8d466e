//! How the board splits a line into words: `handle_input`, console_cli.cpp:430-522 at a0267663.
//!
//! A word may stand in quotes; a backslash before a quote or a space keeps that as it is, and stays where it precedes
//! anything else. The same steps on the same bytes, so that what is odd comes out as odd.

use zeroize::Zeroizing;

/// console_cli.cpp:22
const MAX_CMD_ARG: usize = 4;

/// A quote was not closed. console_cli.cpp:454 and 517.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError;

/// The words of a line. None, if there are only spaces. Never more than five: the board stops at the fifth.
pub(super) fn split(mut line: Zeroizing<Vec<u8>>) -> Result<Vec<Zeroizing<Vec<u8>>>, SyntaxError> {
    let (mut in_word, mut in_quote) = (false, false);
    let mut starts = Vec::new();
    let mut index = 0;
    while let Some(byte) = line.get(index).copied() {
        let after_backslash = in_word && index > 0 && line[index - 1] == b'\\';
        match byte {
            // console_cli.cpp:460 and 492: the rest moves over the backslash.
            b'"' | b' ' if after_backslash => {
                line.remove(index - 1);
                index -= 1;
            }
            // console_cli.cpp:467: a quote within a word is a character.
            b'"' if in_word && !in_quote => {}
            b'"' if in_quote => {
                (in_word, in_quote) = (false, false);
                line[index] = 0;
            }
            b'"' => {
                (in_word, in_quote) = (true, true);
                starts.push(index + 1);
            }
            b' ' if in_word && !in_quote => {
                in_word = false;
                line[index] = 0;
            }
            b' ' => {}
            _ if !in_word => {
                in_word = true;
                starts.push(index);
            }
            _ => {}
        }
        index += 1;
        // console_cli.cpp:513. The fifth goes where the board has no room for it, and no command looks there.
        if starts.len() > MAX_CMD_ARG {
            break;
        }
    }
    if in_quote {
        return Err(SyntaxError);
    }
    // A word goes on to the next zero: its own end, or the line's.
    let word = |start: usize| line[start..].split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    Ok(starts.into_iter().map(|start| Zeroizing::new(word(start))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split(Zeroizing::new(line.as_bytes().to_vec())).ok()?;
        Some(words.iter().map(|word| String::from_utf8(word.to_vec()).unwrap()).collect())
    }

    /// Traced by hand through console_cli.cpp:448-513.
    #[test]
    fn lines_are_split_as_the_board_does() {
        for (line, expected) in [
            ("", vec![]),
            ("   ", vec![]),
            ("exit", vec!["exit"]),
            ("  a   b ", vec!["a", "b"]),
            ("a \"b c\"", vec!["a", "b c"]),
            ("a \"\"", vec!["a", ""]),
            ("\"a\"b c", vec!["a", "b", "c"]),
            // A quote within a word is a character, and opens nothing.
            ("a b\"c d\"", vec!["a", "b\"c", "d\""]),
            (r"a b\ c", vec!["a", "b c"]),
            (r#"a b\"c"#, vec!["a", "b\"c"]),
            (r#"a "b\"c d""#, vec!["a", "b\"c d"]),
            // In quotes as well, a backslash before a space vanishes.
            (r#"a "b\ c""#, vec!["a", "b c"]),
            // A word may begin with a backslash.
            (r#"a \"b c"#, vec!["a", "\"b", "c"]),
            (r"a \ b", vec!["a", " b"]),
            // A backslash before anything else stays; of two, the one next to the space goes.
            (r"a b\c\\ d", vec!["a", r"b\c\ d"]),
            (r"a b\", vec!["a", r"b\"]),
            ("k=v;w=x==", vec!["k=v;w=x=="]),
        ] {
            assert_eq!(words(line).unwrap(), expected as Vec<&str>, "{line}");
        }
    }

    #[test]
    fn an_open_quote_is_a_syntax_error() {
        for line in ["\"", "a \"b c", r#"a "b\""#, "a b c d \"e"] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn the_fifth_word_ends_the_split() {
        assert_eq!(words("a b c d").map(|words| words.len()), Some(4));
        assert_eq!(words("a b c d e f").map(|words| words.len()), Some(5));
        // What would be an error is not looked at any more.
        assert_eq!(words("a b c d e \"f").map(|words| words[3].clone()), Some("d".to_owned()));
    }
}
