//! The golden scripts of tests/scripts: every file is run and held to what was recorded.
//!
//! `UPDATE_GOLDENFILES=1 cargo test --all-features --test scripts` records them anew; then the
//! difference is read as carefully as code. See `ondelete::testing::script` for the language.
#![cfg(feature = "testing")]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use ondelete::testing::script;

/// Every script below a folder, in order.
fn find_scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of scripts can be read");
            todo.extend(entries.map(|entry| entry.expect("and so can its entries").path()));
        } else if path.extension().is_some_and(|extension| extension == "script") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs all of them, says which fail, and only then fails.
fn run_scripts(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(folder);
    let scripts = find_scripts(&folder);
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    let mut failed = Vec::new();
    for path in &scripts {
        match catch_unwind(|| script::run(path)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push(format!("{}: {error}", path.display())),
            Err(_) => failed.push(format!("{}: not as recorded", path.display())),
        }
    }
    assert!(failed.is_empty(), "{} scripts failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn referential() {
    run_scripts("referential");
}

#[test]
fn transactions() {
    run_scripts("transactions");
}

#[test]
fn constraints() {
    run_scripts("constraints");
}

#[test]
fn schema() {
    run_scripts("schema");
}

#[test]
fn input() {
    run_scripts("input");
}
