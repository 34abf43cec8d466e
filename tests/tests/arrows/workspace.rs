//! The workspace as cargo and the disk show it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::CRATES;

/// One crate of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Crates of the workspace that it depends on, whatever the kind of dependency and the name given to it.
    pub(crate) dependencies: Vec<String>,
}

pub(crate) fn members() -> Vec<Member> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    let members: Vec<Member> = list(&metadata["packages"])
        .iter()
        .map(|package| Member {
            name: crate_name(&package["name"]),
            folder: Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned(),
            dependencies: list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["path"].is_string())
                .map(|dependency| crate_name(&dependency["name"]))
                .collect(),
        })
        .collect();
    let named: BTreeSet<_> = members.iter().map(|member| member.name.as_str()).collect();
    let known: BTreeSet<_> = CRATES.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, known, "the table CRATES names each member of the workspace, and no other");
    members
}

fn crate_name(name: &serde_json::Value) -> String {
    name.as_str().unwrap().replace('-', "_")
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A Python environment or a build lies beside the sources, not among them.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden && !path.ends_with("target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module that a file under `src` holds: empty for the crate's root, `["line", "claim"]` for `line/claim.rs`.
pub(crate) fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<_> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module == ["lib"] || (module.len() > 1 && module.last().is_some_and(|last| last == "mod")) {
        module.pop();
    }
    module
}
