//! Does the section `## Architecture` of the README name only what exists?
//!
//! It answers for paths anywhere in the section, and outside fenced blocks for backticked types and for backticked
//! names with `::`. These are looked up in the syntax tree, where a method is known to belong to its type.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream, TokenTree};

use super::{Finding, Source, assert_found};

const ARCHITECTURE: &str = "## Architecture";
const WHY_MAP: &str =
    "prose that nothing checks drifts, and a map that names things long gone misleads";

/// Looks up each path, each backticked type and each backticked `module::name` of the section `## Architecture`.
pub(super) fn check_architecture(
    readme: &Source,
    declared: &Declared,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<Finding> {
    let section = architecture_lines(readme);
    let mut findings = Vec::new();
    let mut paths_seen = 0;
    for line in &section {
        for path in paths_in(line.text) {
            paths_seen += 1;
            if !exists(path) {
                findings.push(readme.finding(
                    line.number,
                    format!("`{path}` does not exist"),
                    WHY_MAP,
                ));
            }
        }
        if line.is_prose {
            if line.text.matches('`').count() % 2 == 1 {
                let what = "a code span does not end in its line".to_owned();
                let why = "spans are read line by line, so its names would not be looked up";
                findings.push(readme.finding(line.number, what, why));
            }
            let names = code_spans(line.text).flat_map(names_in);
            let missing = names.filter_map(|name| declared.missing(name));
            findings.extend(missing.map(|what| readme.finding(line.number, what, WHY_MAP)));
        }
    }
    if paths_seen == 0 {
        let what = format!("no section `{ARCHITECTURE}` that names a path");
        findings.push(readme.finding(1, what, "a stranger needs a map to find the way in"));
    }
    findings
}

struct Line<'a> {
    number: usize,
    text: &'a str,
    /// Not inside a fenced block, where backticks mean nothing.
    is_prose: bool,
}

/// The lines from the section's heading to the next heading of its rank.
fn architecture_lines(readme: &Source) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut in_section = false;
    let mut in_fence = false;
    for (index, text) in readme.text.lines().enumerate() {
        let is_fence = text.trim_start().starts_with("```");
        in_fence ^= is_fence;
        let is_prose = !in_fence && !is_fence;
        if is_prose && (text.starts_with("## ") || text.starts_with("# ")) {
            in_section = text.trim_end() == ARCHITECTURE;
        }
        if in_section {
            lines.push(Line { number: index + 1, text, is_prose });
        }
    }
    lines
}

/// Paths into the repository's own folders.
fn paths_in(line: &str) -> impl Iterator<Item = &str> {
    let folders = ["src/", "tests/", "benches/", "fuzz/"];
    line.split(|c: char| c.is_whitespace() || "`()[],;│├└─".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(move |word| folders.iter().any(|folder| word.starts_with(folder)))
}

/// What stands between backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The names in a span of code that the map answers for: paths with `::`, and types by themselves.
fn names_in(span: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    // A path to a file is looked up on the disk.
    let words = if span.contains('/') { "" } else { span };
    words
        .split(move |c: char| !is_name(c))
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("::") || is_camel_case(word))
}

/// `UndoLog`, not `CASCADE` and not `undo`.
fn is_camel_case(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
}

/// Everything that `src` declares, by name.
#[derive(Default)]
pub(super) struct Declared {
    modules: BTreeSet<Vec<String>>,
    // Name → the modules that declare it.
    items: BTreeMap<String, BTreeSet<Vec<String>>>,
    types: BTreeSet<String>,
    variants: BTreeSet<String>,
    // (Type, its method, constant, variant or field).
    members: BTreeSet<(String, String)>,
}

impl Declared {
    pub(super) fn from_sources(sources: &[Source]) -> Declared {
        let mut declared = Declared::default();
        for source in sources {
            let here = source.module_path();
            declared.modules.insert(here.clone());
            declared.add_items(&source.syntax().items, &here);
        }
        declared
    }

    /// What is wrong with a name, if nothing in `src` answers to it.
    fn missing(&self, name: &str) -> Option<String> {
        let steps: Vec<&str> = name.split("::").filter(|step| *step != "crate").collect();
        let found = match steps.as_slice() {
            // The standard library does not drift.
            ["std" | "core" | "alloc", ..] => true,
            [single] => self.types.contains(*single) || self.variants.contains(*single),
            [way @ .., last] => {
                self.is_module(&steps) || self.is_item(way, last) || self.is_member(way, last)
            }
            [] => true,
        };
        (!found).then(|| format!("nothing in src is called `{name}`"))
    }

    /// The map may leave out the beginning: `judge` for `referential::judge`.
    fn is_module(&self, steps: &[&str]) -> bool {
        self.modules.iter().any(|module| ends_with(module, steps))
    }

    /// Declared in that module or below it: an item is often written in a file of its own and re-exported.
    fn is_item(&self, way: &[&str], name: &str) -> bool {
        let Some(modules) = self.items.get(name) else { return false };
        modules.iter().any(|module| (0..=module.len()).any(|end| ends_with(&module[..end], way)))
    }

    fn is_member(&self, way: &[&str], name: &str) -> bool {
        let Some((owner, way)) = way.split_last() else { return false };
        let is_owner_there = way.is_empty() || self.is_item(way, owner);
        is_owner_there && self.members.contains(&((*owner).to_owned(), name.to_owned()))
    }

    fn add_items(&mut self, items: &[syn::Item], here: &[String]) {
        for item in items {
            self.add_item(item, here);
        }
    }

    fn add_item(&mut self, item: &syn::Item, here: &[String]) {
        match item {
            syn::Item::Const(item) => self.add_name(&item.ident, here),
            syn::Item::Static(item) => self.add_name(&item.ident, here),
            syn::Item::Fn(item) => self.add_name(&item.sig.ident, here),
            syn::Item::Type(item) => self.add_type(&item.ident, here),
            syn::Item::Struct(item) => {
                self.add_type(&item.ident, here);
                for field in item.fields.iter().filter_map(|field| field.ident.as_ref()) {
                    self.add_member(&item.ident, field);
                }
            }
            syn::Item::Enum(item) => {
                self.add_type(&item.ident, here);
                for variant in &item.variants {
                    self.variants.insert(variant.ident.to_string());
                    self.add_member(&item.ident, &variant.ident);
                }
            }
            syn::Item::Trait(item) => {
                self.add_type(&item.ident, here);
                for member in &item.items {
                    match member {
                        syn::TraitItem::Fn(member) => {
                            self.add_member(&item.ident, &member.sig.ident)
                        }
                        syn::TraitItem::Const(member) => {
                            self.add_member(&item.ident, &member.ident)
                        }
                        syn::TraitItem::Type(member) => self.add_member(&item.ident, &member.ident),
                        _ => {}
                    }
                }
            }
            syn::Item::Impl(item) => self.add_impl(item),
            syn::Item::Mod(item) => {
                let inside = [here, &[item.ident.to_string()]].concat();
                self.add_items(item.content.as_ref().map_or(&[], |(_, items)| items), &inside);
                self.modules.insert(inside);
            }
            syn::Item::Macro(item) => match &item.ident {
                Some(name) => self.add_name(name, here),
                // A call that stands among items declares some, and their names are in it.
                None => self.add_names_in(item.mac.tokens.clone(), here),
            },
            _ => {}
        }
    }

    fn add_impl(&mut self, item: &syn::ItemImpl) {
        let syn::Type::Path(owner) = &*item.self_ty else { return };
        let Some(owner) = owner.path.segments.last() else { return };
        for member in &item.items {
            match member {
                syn::ImplItem::Fn(member) => self.add_member(&owner.ident, &member.sig.ident),
                syn::ImplItem::Const(member) => self.add_member(&owner.ident, &member.ident),
                syn::ImplItem::Type(member) => self.add_member(&owner.ident, &member.ident),
                _ => {}
            }
        }
    }

    fn add_names_in(&mut self, tokens: TokenStream, here: &[String]) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) if is_camel_case(&name.to_string()) => {
                    self.add_type(&name, here)
                }
                TokenTree::Group(group) => self.add_names_in(group.stream(), here),
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn add_type(&mut self, name: &Ident, here: &[String]) {
        self.types.insert(name.to_string());
        self.add_name(name, here);
    }

    fn add_name(&mut self, name: &Ident, here: &[String]) {
        self.items.entry(name.to_string()).or_default().insert(here.to_vec());
    }

    fn add_member(&mut self, owner: &Ident, member: &Ident) {
        self.members.insert((owner.to_string(), member.to_string()));
    }
}

fn ends_with(module: &[String], steps: &[&str]) -> bool {
    let Some(skipped) = module.len().checked_sub(steps.len()) else { return false };
    module[skipped..].iter().zip(steps).all(|(module, step)| module == step)
}

// ------------------------------------------------------------------------------------------------
// What is gone is caught
// ------------------------------------------------------------------------------------------------

/// What the map's checker finds in a section's text, beside a small crate.
fn map_found(text: &str) -> Vec<Finding> {
    let declared = Declared::from_sources(&[
        Source::new("src/lib.rs", "mod table;"),
        Source::new("src/table/mod.rs", "mod undo; pub fn insert() {} newtype!(RowId);"),
        Source::new(
            "src/table/undo.rs",
            "pub struct UndoLog<T> { marks: T } impl<T> UndoLog<T> { fn undo_to() {} } enum E { Cascade }",
        ),
    ]);
    let exists = |path: &str| path == "src/lib.rs" || path == "src/table/";
    let readme =
        Source::new("README.md", &format!("# A\n`Gone`\n{ARCHITECTURE}\n{text}\n## B\n`Gone`"));
    check_architecture(&readme, &declared, &exists)
}

#[test]
fn a_map_that_names_what_exists_is_let_pass() {
    assert_found(map_found("See `src/lib.rs`, (src/table/), `UndoLog`, `RowId`, `Cascade`."), &[]);
    assert_found(map_found("src/lib.rs: `table::insert`, `table::UndoLog`, `undo::UndoLog`"), &[]);
    assert_found(
        map_found("src/lib.rs: `UndoLog::undo_to(mark)`, `table::undo`, `UndoLog::marks`"),
        &[],
    );
    assert_found(
        map_found("src/lib.rs: `ON DELETE CASCADE`, `std::fmt::Display`, `cargo test`"),
        &[],
    );
    assert_found(map_found("src/lib.rs\n```text\n`Picture`\n## Not a heading\n```"), &[]);
}

#[test]
fn a_map_that_names_what_is_gone_is_caught() {
    let caught = |text: &str, what: &str| {
        assert_found(map_found(&format!("src/lib.rs\n{text}")), &[(5, what)]);
    };
    caught("`src/gone.rs`", "`src/gone.rs` does not exist");
    caught("├── src/gone.rs.", "`src/gone.rs` does not exist");
    caught("the `Gone`", "called `Gone`");
    caught("`UndoLog` and `&mut UndoLog<Gone>`", "called `Gone`");
    caught("`table::gone`", "called `table::gone`");
    caught("`gone::insert`", "called `gone::insert`");
    caught("`UndoLog::gone()`", "called `UndoLog::gone`");
    caught("a `span", "does not end in its line");
    caught("`RowId::undo_to`", "called `RowId::undo_to`");
}

#[test]
fn a_readme_without_a_map_is_caught() {
    let declared = Declared::default();
    let readme =
        |text: &str| check_architecture(&Source::new("README.md", text), &declared, &|_| true);
    assert_found(readme("# A\nsrc/lib.rs"), &[(1, "no section")]);
    assert_found(readme("## Architecture\nWords."), &[(1, "no section")]);
    assert_found(readme("## Architecture of another thing\nsrc/lib.rs"), &[(1, "no section")]);
}
