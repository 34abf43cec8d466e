//! Several bodies at once: a file each in a new folder, or one JSON document a line.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::super::{Failure, Output};
use super::pretty;
use crate::manifest::{BulkMode, IndividualEnrollment, bulk};
use crate::place::{self, PlaceError, Readers};

/// One body, with a name for its file.
pub(in crate::cli) struct Body {
    name: String,
    /// For people, in a file.
    text: String,
    /// For programs, on a line.
    line: String,
}

#[derive(Serialize)]
struct Written<'a> {
    folder: &'a Path,
    files: usize,
    enrollments: usize,
}

impl Body {
    fn new<T: Serialize>(name: String, body: &T) -> io::Result<Self> {
        Ok(Self { name, text: pretty(body)?, line: serde_json::to_string(body)? + "\n" })
    }
}

/// A body for each enrollment, named by its registration ID.
pub(in crate::cli) fn single<'a>(
    enrollments: impl Iterator<Item = &'a IndividualEnrollment>,
) -> io::Result<Vec<Body>> {
    enrollments.map(|enrollment| Body::new(enrollment.file_name(), enrollment)).collect()
}

/// Bulk operations of at most ten enrollments each: `bulk-0001.json` …
pub(in crate::cli) fn in_bulk(parts: &[(BulkMode, &[IndividualEnrollment])]) -> io::Result<Vec<Body>> {
    let operations = parts.iter().flat_map(|(mode, enrollments)| bulk(*mode, enrollments));
    operations
        .enumerate()
        .map(|(index, operation)| Body::new(format!("bulk-{:04}.json", index + 1), &operation))
        .collect()
}

/// Puts the bodies into a folder that is being filled.
pub(in crate::cli) fn fill(folder: &Path, bodies: &[Body]) -> Result<(), PlaceError> {
    bodies.iter().try_for_each(|body| {
        place::new_file(&folder.join(&body.name), body.text.as_bytes(), Readers::Everyone)
    })
}

/// Writes the bodies into a new folder, or one a line to standard output.
pub(in crate::cli) fn write(
    bodies: &[Body],
    enrollments: usize,
    out: Option<&Path>,
    output: &Output,
) -> Result<(), Failure> {
    match out {
        None => bodies.iter().try_for_each(|body| output.text(&body.line))?,
        Some(folder) => {
            place::new_folder(folder, |folder| fill(folder, bodies))?;
            let written = Written { folder, files: bodies.len(), enrollments };
            output.data(&written, |out| {
                writeln!(out, "{}: {enrollments} enrollments in {} files", folder.display(), bodies.len())
            })?;
        }
    }
    Ok(())
}
