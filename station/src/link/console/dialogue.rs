//! Dialogue files: what is sent to a console, what is expected, and what each failure means.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::bytes::Regex;
use serde::Deserialize;
use thiserror::Error;

use super::section::Section;
use crate::data_file::{self, DataFileError};
use crate::ledger::entry::Disposition;
use crate::placeholders;

/// Why a dialogue was refused.
#[derive(Debug, Error)]
pub enum DialogueError {
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// A pattern is no regular expression.
    #[error("dialogues/{file}, [[{section}]]: `{pattern}` is no regular expression")]
    Pattern {
        /// The file.
        file: String,
        /// The section.
        section: &'static str,
        /// The pattern.
        pattern: String,
        /// What the regex library said.
        source: Box<regex::Error>,
    },
    /// The steps do not do what their section is for.
    #[error("dialogues/{file}, [[{section}]]: {what}")]
    Content {
        /// The file.
        file: String,
        /// The section.
        section: &'static str,
        /// What is wrong, and the next step.
        what: String,
    },
}

/// A dialogue, checked.
#[derive(Debug, Clone)]
pub struct Dialogue {
    /// File name of the template.
    pub file: String,
    /// What ends a line that is sent.
    pub(super) line_end: String,
    /// What exit statuses mean, by number.
    pub(super) statuses: BTreeMap<String, Meaning>,
    sections: BTreeMap<Section, Vec<Line>>,
}

/// One step: send, then expect.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) send: Option<Vec<Part>>,
    /// Whether the line end follows.
    pub(super) enter: bool,
    /// Whether the device echoes what is sent; the echo is consumed before the answer is looked at.
    pub(super) echoed: bool,
    pub(super) expect: Option<Regex>,
    pub(super) within: Duration,
    /// Said first, once, where nothing that is expected came; then the step is said again.
    pub(super) otherwise_recover: bool,
    /// Said once for each piece of this many bytes.
    pub(super) each_piece: Option<usize>,
    pub(super) refusals: Vec<Refusal>,
}

impl Line {
    fn sends(&self, variable: &str) -> bool {
        self.send.iter().flatten().any(|part| matches!(part, Part::Variable(name) if name == variable))
    }
}

/// A part of what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Variable(String),
}

/// An answer that means failure.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) on: Regex,
    pub(super) meaning: Meaning,
}

/// What a failure means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meaning {
    pub(super) means: String,
    pub(super) disposition: Disposition,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DialogueFile {
    line_end: String,
    #[serde(default)]
    status: BTreeMap<String, Meaning>,
    log_in: Vec<LineFile>,
    #[serde(default)]
    recover: Vec<LineFile>,
    #[serde(default)]
    identify: Vec<LineFile>,
    #[serde(default)]
    make_key: Vec<LineFile>,
    #[serde(default)]
    read_certificate: Vec<LineFile>,
    write: Vec<LineFile>,
    #[serde(default)]
    observe: Vec<LineFile>,
    #[serde(default)]
    read_back: Vec<LineFile>,
    #[serde(default)]
    challenge: Vec<LineFile>,
    #[serde(default)]
    restart: Vec<LineFile>,
    #[serde(default)]
    log_out: Vec<LineFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    send: Option<String>,
    #[serde(default = "yes")]
    enter: bool,
    #[serde(default)]
    echoed: bool,
    expect: Option<String>,
    #[serde(default = "five_seconds")]
    within: f64,
    #[serde(default)]
    otherwise_recover: bool,
    each_piece: Option<usize>,
    #[serde(default)]
    refusals: Vec<RefusalFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalFile {
    on: String,
    means: String,
    disposition: Disposition,
}

fn yes() -> bool {
    true
}

fn five_seconds() -> f64 {
    5.0
}

impl Dialogue {
    /// Parses and checks a dialogue.
    ///
    /// # Errors
    /// [`DialogueError`].
    pub fn parse(text: &str, file: &str) -> Result<Self, DialogueError> {
        let data: DialogueFile = data_file::parse(text, &format!("dialogues/{file}"))?;
        let DialogueFile { line_end, status, .. } = &data;
        let mut dialogue = Self {
            file: file.to_owned(),
            line_end: line_end.clone(),
            statuses: status.clone(),
            sections: BTreeMap::new(),
        };
        let DialogueFile {
            line_end: _,
            status: _,
            log_in,
            recover,
            identify,
            make_key,
            read_certificate,
            write,
            observe,
            read_back,
            challenge,
            restart,
            log_out,
        } = data;
        let lists = [
            log_in,
            recover,
            identify,
            make_key,
            read_certificate,
            write,
            observe,
            read_back,
            challenge,
            restart,
            log_out,
        ];
        for (section, list) in Section::ALL.into_iter().zip(lists) {
            let lines = list
                .into_iter()
                .map(|line| parse_line(line, file, section))
                .collect::<Result<Vec<_>, _>>()?;
            check(&lines, file, section)?;
            if !lines.is_empty() {
                dialogue.sections.insert(section, lines);
            }
        }
        Ok(dialogue)
    }

    /// Whether the dialogue can do this.
    pub fn has(&self, section: Section) -> bool {
        self.sections.contains_key(&section)
    }

    /// Whether an item's content is sent whole, as it is, rather than in pieces of base64.
    pub fn writes_whole(&self) -> bool {
        self.lines(Section::Write).iter().all(|line| line.each_piece.is_none())
    }

    /// The variables that it sends, with the section that sends each.
    pub fn variables(&self) -> Vec<(Section, &str)> {
        let mut names = Vec::new();
        for (section, lines) in &self.sections {
            for line in lines {
                for part in line.send.iter().flatten() {
                    if let Part::Variable(name) = part {
                        names.push((*section, name.as_str()));
                    }
                }
            }
        }
        names
    }

    pub(super) fn lines(&self, section: Section) -> &[Line] {
        self.sections.get(&section).map_or(&[], Vec::as_slice)
    }
}

fn parse_line(line: LineFile, file: &str, section: Section) -> Result<Line, DialogueError> {
    let content =
        |what: String| DialogueError::Content { file: file.to_owned(), section: section.name(), what };
    let pattern = |pattern: String| {
        Regex::new(&pattern).map_err(|source| DialogueError::Pattern {
            file: file.to_owned(),
            section: section.name(),
            pattern: pattern.clone(),
            source: Box::new(source),
        })
    };
    if !(0.01..=3600.0).contains(&line.within) {
        return Err(content(format!(
            "within = {} is no time limit: give seconds, 0.01 to 3600",
            line.within
        )));
    }
    if line.send.is_none() && line.expect.is_none() {
        return Err(content("a step neither sends nor expects: remove it".to_owned()));
    }
    let refusals = line
        .refusals
        .into_iter()
        .map(|refusal| {
            let meaning = Meaning { means: refusal.means, disposition: refusal.disposition };
            Ok::<_, DialogueError>(Refusal { on: pattern(refusal.on)?, meaning })
        })
        .collect::<Result<_, DialogueError>>()?;
    Ok(Line {
        send: line.send.as_deref().map(parse_parts).transpose().map_err(content)?,
        enter: line.enter,
        echoed: line.echoed,
        expect: line.expect.map(pattern).transpose()?,
        within: Duration::from_secs_f64(line.within),
        otherwise_recover: line.otherwise_recover,
        each_piece: line.each_piece,
        refusals,
    })
}

fn parse_parts(text: &str) -> Result<Vec<Part>, String> {
    let parts = placeholders::parts(text)?.into_iter().map(|part| match part {
        placeholders::Part::Text(text) => Part::Text(text.to_owned()),
        placeholders::Part::Name(name) => Part::Variable(name.to_owned()),
    });
    Ok(parts.collect())
}

fn check(lines: &[Line], file: &str, section: Section) -> Result<(), DialogueError> {
    let content =
        |what: String| DialogueError::Content { file: file.to_owned(), section: section.name(), what };
    if let (Some(name), false) = (section.must_capture(), lines.is_empty()) {
        let captures = |line: &Line| {
            line.expect
                .as_ref()
                .is_some_and(|expect| expect.capture_names().flatten().any(|known| known == name))
        };
        if !lines.iter().any(captures) {
            return Err(content(format!("no step captures `{name}`: add (?<{name}>…) to an `expect`")));
        }
    }
    let pieces = lines.iter().filter(|line| line.each_piece.is_some());
    let whole = lines.iter().filter(|line| line.sends("content")).count();
    match (section, pieces.clone().count(), whole) {
        (Section::Write, 1, 0) | (Section::Write, 0, 1) => {}
        (Section::Write, _, _) => {
            let what = "exactly one step must carry the content: with `each_piece`, or by sending ${content}";
            return Err(content(what.to_owned()));
        }
        (_, 0, 0) => {}
        _ => return Err(content("`each_piece` and ${content} belong into [[write]] only".to_owned())),
    }
    // Base64 is cut into pieces of whole lines of 76 characters: a piece must hold one at least, and a console's
    // line discipline loses what comes beyond 4,096 bytes before it is read.
    if pieces.filter_map(|line| line.each_piece).any(|bytes| !(77..=3000).contains(&bytes)) {
        return Err(content("each_piece is out of range: give 77 to 3000 bytes".to_owned()));
    }
    Ok(())
}
