//! Does the source keep the rules that the compiler does not know? Who may import whom, that every file opens
//! with its question, that the README's map names what exists, that nothing is left half done.
//!
//! The scheme: read every file as text, ask the checkers, print all findings at once, each with its reason. What
//! is held stands here, with the checks of single files; `imports` follows paths, `map` reads the README.
//!
//! Each checker has a test that feeds it something bad. A check that cannot fail is a defect too.

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/map.rs"]
mod map;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use imports::check_imports;
use map::{Declared, check_architecture};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

// ------------------------------------------------------------------------------------------------
// What is being held
// ------------------------------------------------------------------------------------------------

/// Who may import whom, among the modules of `src`. Every arrow points down:
///
/// ```text
/// cli ──► sql, session ──► database ──► query, referential ──► table ──┬──► storage ────────────────► value
///                                                                     └──► catalog ──► expression ──► value
/// ```
///
/// Modules that import each other can only be understood together, so none do. A new arrow is rare, and it
/// changes this table and the picture in the README in the same commit. `testing` may be imported by any module's
/// own `#[cfg(test)]` modules; everything else holds for tests as well.
const MODULES: &[Module] = &[
    Module {
        name: "value",
        may_import: &[],
        why: "values stand at the bottom; they have their own small error and know no tables",
    },
    Module {
        name: "id",
        may_import: &[],
        why: "ids are what modules speak of the same things by, so they stand below all of them",
    },
    Module {
        name: "error",
        may_import: &["value", "id"],
        why: "every module above may import it, so it may stand on nothing but values and ids",
    },
    Module {
        name: "expression",
        may_import: &["value", "error", "id"],
        why: "expressions live below the catalog and know neither tables nor where their text came from",
    },
    Module {
        name: "catalog",
        may_import: &["expression", "value", "error", "id"],
        why: "definitions know nothing of rows and transactions",
    },
    Module {
        name: "storage",
        may_import: &["value", "error", "id"],
        why: "storage knows no names, no constraints and no referential actions",
    },
    Module {
        name: "table",
        may_import: &["catalog", "storage", "expression", "value", "error", "id"],
        why: "the one door for a row change knows neither how a violation is repaired nor transactions",
    },
    Module {
        name: "query",
        may_import: &["table", "catalog", "expression", "value", "error", "id"],
        why: "a query reads a view, in the midst of a statement too, and changes nothing",
    },
    Module {
        name: "referential",
        may_import: &["table", "catalog", "expression", "value", "error", "id"],
        why: "the executor reaches rows through `table` alone, and knows no sessions, SQL or commits",
    },
    Module {
        name: "database",
        may_import: &[
            "query",
            "referential",
            "table",
            "storage",
            "catalog",
            "expression",
            "value",
            "error",
            "id",
        ],
        why: "the database begins, commits and undoes; what asks it to lies above it",
    },
    Module {
        name: "session",
        may_import: &["query", "database", "catalog", "expression", "value", "error", "id"],
        why: "session and SQL are siblings, and a session does not know how an action is carried out",
    },
    Module {
        name: "sql",
        may_import: &["query", "database", "catalog", "expression", "value", "error", "id"],
        why: "SQL and session are siblings: both build typed statements and queries",
    },
    Module {
        name: "testing",
        may_import: &[
            "session",
            "sql",
            "query",
            "database",
            "catalog",
            "expression",
            "value",
            "error",
            "id",
        ],
        why: "an oracle that shares the engine's internals shares its mistakes",
    },
    Module {
        name: "cli",
        may_import: &[
            "testing",
            "session",
            "sql",
            "query",
            "database",
            "referential",
            "catalog",
            "expression",
            "value",
            "error",
            "id",
        ],
        why: "the command line is a user: rows and pages are not its business",
    },
    Module {
        name: "bin",
        may_import: &["cli"],
        why: "the program hands its arguments to `cli` and does nothing else",
    },
];

/// One row of [`MODULES`].
struct Module {
    /// A module at the top of `src`; `bin` stands for the programs in `src/bin`.
    name: &'static str,
    /// The modules whose items it may name, besides its own.
    may_import: &'static [&'static str],
    /// Why no more than these.
    why: &'static str,
}

/// A file that needs more lines than this holds more than one idea.
const FILE_LINES_MAX: usize = 800;

#[test]
fn modules_import_only_what_their_row_allows() {
    let sources = read_sources("src");
    assert_none(check_imports(&sources));
}

#[test]
fn every_source_file_opens_by_saying_what_it_is() {
    assert_none(read_sources("src").iter().flat_map(check_opening).collect());
}

#[test]
fn the_architecture_section_names_what_exists() {
    let declared = Declared::from_sources(&read_sources("src"));
    let readme = read("README.md");
    assert_none(check_architecture(&readme, &declared, &|path| crate_path(path).exists()));
}

#[test]
fn nothing_is_left_half_done() {
    let everything = read_sources("src").into_iter().chain(read_sources("tests"));
    assert_none(everything.flat_map(|source| check_shortcuts(&source)).collect());
}

#[test]
fn unsafe_code_is_forbidden() {
    assert_none(check_forbids_unsafe(&read("src/lib.rs")).into_iter().collect());
}

#[test]
fn no_source_file_is_too_long() {
    assert_none(read_sources("src").iter().flat_map(check_length).collect());
}

#[test]
fn every_dependency_gives_its_reason() {
    assert_none(check_dependencies(&read("Cargo.toml")));
    assert_none(check_dependencies(&read("fuzz/Cargo.toml")));
}

// ------------------------------------------------------------------------------------------------
// Reading, reporting
// ------------------------------------------------------------------------------------------------

/// A text file of the repository.
struct Source {
    /// Relative to the crate's folder, with `/` between folders.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path))
    }

    fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text)
            .unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path))
    }

    /// `src/value/compare.rs` is `[value, compare]`, `src/value/mod.rs` is `[value]`, `src/lib.rs` is `[]`.
    fn module_path(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut path: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
            path.pop();
        }
        path
    }

    fn finding(&self, line: usize, what: String, why: &str) -> Finding {
        Finding { path: self.path.clone(), line, what, why: why.to_owned() }
    }
}

/// One place where a rule does not hold.
struct Finding {
    path: String,
    line: usize,
    what: String,
    why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    why: {}", self.path, self.line, self.what, self.why)
    }
}

fn assert_none(findings: Vec<Finding>) {
    let report: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(report.is_empty(), "{} findings\n{}", report.len(), report.join("\n"));
}

fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> Source {
    let text = fs::read_to_string(crate_path(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
    Source::new(path, &text)
}

/// Every Rust file under a folder, by path.
fn read_sources(folder: &str) -> Vec<Source> {
    let mut folders = vec![folder.to_owned()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(crate_path(&folder))
            .unwrap_or_else(|error| panic!("{folder} cannot be read: {error}"));
        for entry in entries {
            let entry = entry.expect("an entry of a folder that could be opened");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                paths.push(path);
            }
        }
    }
    // An empty list would let every rule hold.
    assert!(!paths.is_empty(), "no Rust file under {folder}");
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Asserts that exactly these were found, as `line: part of the text`.
fn assert_found(findings: Vec<Finding>, expected: &[(usize, &str)]) {
    let report: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert_eq!(report.len(), expected.len(), "{report:#?} instead of {expected:?}");
    for (finding, (line, part)) in findings.iter().zip(expected) {
        assert_eq!(finding.line, *line, "{finding}");
        assert!(finding.what.contains(part), "{finding}\nshould say: {part}");
    }
}

// ------------------------------------------------------------------------------------------------
// The text of each file
// ------------------------------------------------------------------------------------------------

fn check_opening(source: &Source) -> Option<Finding> {
    if source.text.starts_with("//!") {
        return None;
    }
    let what = "the file does not open with `//!`".to_owned();
    Some(source.finding(1, what, "a reader asks first which question a file answers"))
}

fn check_length(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return None;
    }
    let what = format!("{lines} lines, more than {FILE_LINES_MAX}");
    Some(source.finding(
        lines,
        what,
        "a file this long holds more than one idea: split it by meaning",
    ))
}

fn check_forbids_unsafe(root: &Source) -> Option<Finding> {
    let forbids = |attribute: &syn::Attribute| {
        matches!(attribute.style, syn::AttrStyle::Inner(_))
            && matches!(&attribute.meta, syn::Meta::List(list)
                if list.path.is_ident("forbid") && list.tokens.to_string() == "unsafe_code")
    };
    if root.syntax().attrs.iter().any(forbids) {
        return None;
    }
    let what = "`#![forbid(unsafe_code)]` is missing".to_owned();
    Some(root.finding(
        1,
        what,
        "it is promised to users, who look for it here and not in Cargo.toml",
    ))
}

const WHY_FINISHED: &str = "what is not done is not handed over";
const WHY_TESTED: &str =
    "a known wrong result is recorded as it is, with a comment; a panic is never expected";

/// Finds `todo!`, `unimplemented!`, ignored tests and expected panics, in documentation examples too.
fn check_shortcuts(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    find_shortcuts(source, source.tokens(), &mut findings);
    findings
}

fn find_shortcuts(source: &Source, stream: TokenStream, findings: &mut Vec<Finding>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let line = token.span().start().line;
        match token {
            TokenTree::Ident(name) if is_macro_call(&tokens, at) && is_unfinished(name) => {
                findings.push(source.finding(line, format!("`{name}!`"), WHY_FINISHED));
            }
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Bracket && is_attribute(&tokens, at) {
                    let shortcut = shortcut_in_attribute(group.stream());
                    findings.extend(shortcut.map(|what| source.finding(line, what, WHY_TESTED)));
                }
                find_shortcuts(source, group.stream(), findings);
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn is_macro_call(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!')
}

fn is_unfinished(name: &Ident) -> bool {
    name == "todo" || name == "unimplemented"
}

/// A bracket after `#` or `#!`.
fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let is = |back: usize, sign: char| {
        let token = at.checked_sub(back).and_then(|at| tokens.get(at));
        matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == sign)
    };
    is(1, '#') || (is(1, '!') && is(2, '#'))
}

fn shortcut_in_attribute(attribute: TokenStream) -> Option<String> {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    match tokens.first() {
        Some(TokenTree::Ident(name)) if name == "ignore" || name == "should_panic" => {
            Some(format!("`#[{name}]`"))
        }
        // The attributes that it gives stand after its condition.
        Some(TokenTree::Ident(name)) if name == "cfg_attr" => {
            let Some(TokenTree::Group(given)) = tokens.get(1) else { return None };
            let given: Vec<TokenTree> = given.stream().into_iter().collect();
            let parts =
                given.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','));
            parts.skip(1).find_map(|part| shortcut_in_attribute(part.iter().cloned().collect()))
        }
        Some(TokenTree::Ident(name)) if name == "doc" => shortcut_in_documentation(&tokens),
        _ => None,
    }
}

/// A comment `/// …` arrives here as `doc = " …"`.
fn shortcut_in_documentation(tokens: &[TokenTree]) -> Option<String> {
    let [_, _, TokenTree::Literal(text)] = tokens else { return None };
    let text: syn::LitStr = syn::parse_str(&text.to_string()).ok()?;
    text.value().lines().find_map(|line| {
        let labels = line.trim().strip_prefix("```")?;
        let label =
            labels.split(',').find(|label| matches!(label.trim(), "ignore" | "should_panic"))?;
        Some(format!("an example marked `{}`", label.trim()))
    })
}

/// Each dependency has a line of its own, under a comment that says what it is for.
fn check_dependencies(manifest: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    let mut before = "";
    for (index, line) in manifest.text.lines().enumerate() {
        let starts_table = line.starts_with('[');
        if starts_table {
            in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
        }
        let names_dependency = if starts_table {
            line.contains("dependencies.")
        } else {
            in_dependencies && is_entry(line)
        };
        if names_dependency && !before.starts_with('#') {
            let what =
                format!("no comment above `{}`", line.split([' ', '=']).next().unwrap_or(line));
            let why = "every dependency is a debt, and its reason tells when it may go";
            findings.push(manifest.finding(index + 1, what, why));
        }
        before = line;
    }
    findings
}

/// `name = …` or `name.workspace = …`; the further lines of an array start with a space, a quote or a bracket.
fn is_entry(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_alphanumeric()) && line.contains('=')
}

// ------------------------------------------------------------------------------------------------
// Each checker catches what it is for
// ------------------------------------------------------------------------------------------------

#[test]
fn a_file_without_its_opening_is_caught() {
    let opening = |text: &str| check_opening(&Source::new("src/a.rs", text)).into_iter().collect();
    assert_found(opening("//! What is a?"), &[]);
    assert_found(opening("use std::fmt;\n//! Late."), &[(1, "does not open")]);
    assert_found(opening(""), &[(1, "does not open")]);
}

#[test]
fn a_file_that_is_too_long_is_caught() {
    let length = |lines: usize| {
        check_length(&Source::new("src/a.rs", &"// …\n".repeat(lines))).into_iter().collect()
    };
    assert_found(length(FILE_LINES_MAX), &[]);
    assert_found(length(FILE_LINES_MAX + 1), &[(801, "801 lines")]);
}

#[test]
fn a_root_that_allows_unsafe_code_is_caught() {
    let root =
        |text: &str| check_forbids_unsafe(&Source::new("src/lib.rs", text)).into_iter().collect();
    assert_found(root("#![forbid(unsafe_code)]"), &[]);
    assert_found(root("#![deny(unsafe_code)]"), &[(1, "is missing")]);
    assert_found(root("// #![forbid(unsafe_code)]"), &[(1, "is missing")]);
    assert_found(root("#[forbid(unsafe_code)] mod a {}"), &[(1, "is missing")]);
}

#[test]
fn each_shortcut_is_caught() {
    let caught = |text: &str, what: &str| {
        assert_found(check_shortcuts(&Source::new("src/a.rs", text)), &[(2, what)]);
    };
    caught("\nfn f() { todo!() }", "todo!");
    caught("\nfn f() { g(|| { unimplemented!(\"later\") }) }", "unimplemented!");
    caught("\n#[test] #[ignore] fn f() {}", "#[ignore]");
    caught("\n#[ignore = \"slow\"] #[test] fn f() {}", "#[ignore]");
    caught(
        "\nmod tests { #[test] #[should_panic(expected = \"a\")] fn f() {} }",
        "#[should_panic]",
    );
    caught("\n#[cfg_attr(windows, ignore)] fn f() {}", "#[ignore]");
    caught("\n/// ```rust,ignore\nfn f() {}", "marked `ignore`");
    caught("\n//! ```should_panic\n", "marked `should_panic`");
    let harmless =
        "/// Ignores nothing: todo!\n/// ```text\nfn ignore() { let todo = \"#[ignore]\"; }";
    assert_found(check_shortcuts(&Source::new("src/a.rs", harmless)), &[]);
}

#[test]
fn a_dependency_without_a_reason_is_caught() {
    let manifest = |text: &str| check_dependencies(&Source::new("Cargo.toml", text));
    assert_found(manifest("[package]\nname = \"a\"\n[dependencies]\n# For b.\nb = \"1\""), &[]);
    assert_found(manifest("[dependencies]\nb = \"1\""), &[(2, "above `b`")]);
    assert_found(manifest("[dev-dependencies]\n# For b.\nb = \"1\"\nc = { }"), &[(4, "above `c`")]);
    assert_found(manifest("[target.'cfg(unix)'.dependencies]\n\nb = \"1\""), &[(3, "above `b`")]);
    assert_found(
        manifest("\n[dependencies.b]\nversion = \"1\""),
        &[(2, "above `[dependencies.b]`")],
    );
}
