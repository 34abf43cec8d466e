//! Reads one source file for the paths in it, and judges each.

use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Token, braced, bracketed, parenthesized, token};

use crate::{CRATES, MODULES, crate_allows, module_allows};

/// One file as it is read: where we are, and what was found so far.
struct Reader {
    krate: String,
    module: Vec<String>,
    in_attribute: bool,
    findings: Vec<String>,
}

/// What is forbidden in this source: each finding begins with the path as it is spelled, in backquotes.
/// `module` is where the source stands; empty for the crate's root.
pub(crate) fn findings(krate: &str, module: Vec<String>, text: &str) -> syn::Result<Vec<String>> {
    let mut reader = Reader { krate: krate.to_owned(), module, in_attribute: false, findings: Vec::new() };
    let walk = |input: ParseStream| reader.tokens(input);
    walk.parse_str(text)?;
    Ok(reader.findings)
}

impl Reader {
    fn tokens(&mut self, input: ParseStream) -> syn::Result<()> {
        // `use` or `extern crate` stands before: there a name alone is a path.
        let mut imports = false;
        while !input.is_empty() {
            let imported = std::mem::take(&mut imports);
            if input.peek(Token![mod]) && input.peek2(Ident) && input.peek3(token::Brace) {
                input.parse::<Token![mod]>()?;
                self.module.push(input.call(Ident::parse_any)?.unraw().to_string());
                self.group(input)?;
                self.module.pop();
            } else if input.peek(Token![#]) {
                self.attribute(input)?;
            } else if input.peek(token::Brace) || input.peek(token::Bracket) || input.peek(token::Paren) {
                self.group(input)?;
            } else if input.peek(Token![>]) && input.peek2(Token![::]) {
                // `<T as Trait>::name`: the name is not the start of a path.
                input.parse::<Token![>]>()?;
                input.parse::<Token![::]>()?;
                input.call(skip_one)?;
            } else if input.peek(Token![extern]) && input.peek2(Token![crate]) {
                input.parse::<Token![extern]>()?;
                input.parse::<Token![crate]>()?;
                imports = true;
                if input.peek(Token![self]) {
                    self.find("extern crate self", "gives the crate's root another name");
                }
            } else if starts_path(input) {
                self.path(&[], imported, input)?;
            } else if self.in_attribute && input.peek(LitStr) {
                self.text(&input.parse::<LitStr>()?.value());
            } else {
                imports = input.peek(Token![use]) || (imported && input.peek(Token![::]));
                input.call(skip_one)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, input: ParseStream) -> syn::Result<()> {
        let content;
        if input.peek(token::Brace) {
            braced!(content in input);
        } else if input.peek(token::Bracket) {
            bracketed!(content in input);
        } else {
            parenthesized!(content in input);
        }
        self.tokens(&content)
    }

    /// Reads from `#` on; documentation is left out: a link in it is no arrow.
    fn attribute(&mut self, input: ParseStream) -> syn::Result<()> {
        input.parse::<Token![#]>()?;
        input.parse::<Option<Token![!]>>()?;
        if !input.peek(token::Bracket) {
            return Ok(());
        }
        let content;
        bracketed!(content in input);
        if content.fork().call(Ident::parse_any).is_ok_and(|name| name == "doc") {
            while !content.is_empty() {
                content.call(skip_one)?;
            }
            return Ok(());
        }
        let outside = std::mem::replace(&mut self.in_attribute, true);
        let result = self.tokens(&content);
        self.in_attribute = outside;
        result
    }

    /// A string in an attribute: `#[serde(with = "crate::link::hex")]`. Most hold no Rust.
    fn text(&mut self, text: &str) {
        let before = self.findings.len();
        let walk = |input: ParseStream| self.tokens(input);
        if walk.parse_str(text).is_err() {
            self.findings.truncate(before);
        }
    }

    /// Reads one path, or a tree of them as `use` has it.
    fn path(&mut self, prefix: &[String], imported: bool, input: ParseStream) -> syn::Result<()> {
        let mut path = prefix.to_vec();
        path.push(input.call(Ident::parse_any)?.unraw().to_string());
        while input.peek(Token![::]) {
            input.parse::<Token![::]>()?;
            if input.peek(Ident::peek_any) {
                path.push(input.call(Ident::parse_any)?.unraw().to_string());
            } else if input.peek(token::Brace) {
                let content;
                braced!(content in input);
                while !content.is_empty() {
                    if content.peek(Ident::peek_any) {
                        self.path(&path, imported, &content)?;
                        if content.peek(Token![as]) {
                            content.call(skip_one)?;
                            content.call(skip_one)?;
                        }
                    } else if content.peek(Token![*]) {
                        self.arrow(&[&path[..], &["*".to_owned()]].concat(), true);
                        content.call(skip_one)?;
                    } else {
                        content.call(skip_one)?;
                    }
                }
                return Ok(());
            } else if input.peek(Token![*]) || input.peek(Token![$]) {
                path.push(if input.peek(Token![*]) { "*" } else { "$" }.to_owned());
                input.call(skip_one)?;
            } else {
                // `::<`: type arguments, which are read as tokens.
                break;
            }
        }
        let assigned = self.in_attribute && input.peek(Token![=]);
        if path == ["path"] && assigned {
            self.find("#[path]", "takes the source from elsewhere");
        } else if path == ["include"] && input.peek(Token![!]) {
            self.find("include!", "takes the source from elsewhere");
        }
        // `self as u8` is a value, and not a path that gets another name.
        let renamed = input.peek(Token![as]) && path != ["self"];
        self.arrow(&path, imported || renamed);
        Ok(())
    }

    /// Judges one path. `alone`: a single name counts as well.
    fn arrow(&mut self, path: &[String], alone: bool) {
        if path.len() == 1 && !alone {
            return;
        }
        let shown = path.join("::");
        let target = match path[0].as_str() {
            "crate" | "self" | "super" => self.resolve(path),
            own if own == self.krate => path[1..].to_vec(),
            other if CRATES.iter().any(|(name, _)| *name == other) => {
                if !crate_allows(&self.krate, other) {
                    self.find(&shown, &format!("{} may not know {other}", self.krate));
                }
                return;
            }
            // In the crate's root its modules are at hand without a prefix.
            module if self.module.is_empty() && MODULES.iter().any(|(name, _)| *name == module) => {
                path.to_vec()
            }
            _ => return,
        };
        if self.krate != "station" {
            return;
        }
        let from = self.module.first().map_or("(root)", String::as_str).to_owned();
        match target.first().map(String::as_str) {
            None | Some("*" | "$") => self.find(&shown, "takes the crate's root as a whole"),
            Some(to) if !module_allows(&from, &target) => {
                self.find(&shown, &format!("{from} may not know {to}"));
            }
            Some(_) => {}
        }
    }

    /// The path from the crate's root, without `crate`, `self` and `super`.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let mut target = self.module.clone();
        for segment in path {
            match segment.as_str() {
                "crate" => target.clear(),
                "super" => drop(target.pop()),
                "self" => {}
                name => target.push(name.to_owned()),
            }
        }
        target
    }

    fn find(&mut self, path: &str, why: &str) {
        self.findings.push(format!("`{path}`: {why}"));
    }
}

/// Whether a name that may begin a path comes next; keywords do not, but for these.
fn starts_path(input: ParseStream) -> bool {
    input.peek(Ident) || input.peek(Token![crate]) || input.peek(Token![self]) || input.peek(Token![super])
}

fn skip_one(input: ParseStream) -> syn::Result<()> {
    input.step(|cursor| match cursor.token_tree() {
        Some((_, rest)) => Ok(((), rest)),
        None => Err(cursor.error("the source ends here")),
    })
}
