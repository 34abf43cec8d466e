//! `${name}` in a text: the places that are filled in later. A `$` before anything else is a dollar sign, as shells want it.

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'t> {
    /// Taken as it stands.
    Text(&'t str),
    /// To be filled in.
    Name(&'t str),
}

/// Takes a text apart. No part is empty.
///
/// # Errors
/// In words, where a `${` has no `}`.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or_else(|| "a `${` has no `}`: close it".to_owned())?;
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Name(name));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        assert_eq!(
            parts("a ${b}${c} $(d) $"),
            Ok(vec![Part::Text("a "), Part::Name("b"), Part::Name("c"), Part::Text(" $(d) $")])
        );
        assert_eq!(parts(""), Ok(vec![]));
        assert!(parts("a ${b").is_err());
    }
}
