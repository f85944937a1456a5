//! Which module imports which?
//!
//! Paths are looked for in the tokens and not in the syntax tree, because a macro's call and its definition hide
//! their insides from the tree. A name that the crate's root re-exports counts as its module's.
//!
//! Drawback: what reaches its user through a type's method is not an import and is not seen.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::{Finding, MODULES, Module, Source, assert_found};

/// Holds every file to its module's row of [`MODULES`].
pub(super) fn check_imports(sources: &[Source]) -> Vec<Finding> {
    let root = Root::from_sources(sources);
    let test_modules: BTreeSet<Vec<String>> = sources.iter().flat_map(find_test_modules).collect();
    let mut findings = check_every_module_has_a_row(sources);
    for source in sources {
        let is_test = test_modules.iter().any(|test| source.module_path().starts_with(test));
        findings.extend(check_imports_of(source, is_test, &root));
    }
    findings
}

fn check_every_module_has_a_row(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources {
        let Some(name) = source.module_path().into_iter().next() else { continue };
        if find_module(&name).is_none() && seen.insert(name.clone()) {
            let what = format!("module `{name}` has no row in MODULES of tests/tidy.rs");
            findings.push(source.finding(1, what, "a module without a row could import anything"));
        }
    }
    findings
}

fn find_module(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == name)
}

fn check_imports_of(source: &Source, is_test: bool, root: &Root) -> Vec<Finding> {
    let here = source.module_path();
    // The root itself declares and re-exports; a module without a row has been reported.
    let Some(module) = here.first().and_then(|name| find_module(name)) else { return Vec::new() };
    let mut walk = Walk { root_word: root_word(module), imports: Vec::new() };
    walk.tokens(source.tokens(), &here, is_test);
    walk.imports.iter().filter_map(|import| judge_import(source, module, import, root)).collect()
}

/// A program in `src/bin` is a crate of its own and names ours from outside.
fn root_word(module: &Module) -> &'static str {
    if module.name == "bin" { "ondelete" } else { "crate" }
}

fn judge_import(source: &Source, module: &Module, import: &Import, root: &Root) -> Option<Finding> {
    let finding = |what: String, why: &str| Some(source.finding(import.line, what, why));
    let word = root_word(module);
    let name = match &import.name {
        Imported::Name(name) => name,
        Imported::Glob => {
            let what = format!("`{}` imports everything at the crate's root", module.name);
            return finding(what, "nobody can see which modules such an import reaches");
        }
        Imported::RootItself => {
            let what = format!("`{}` gives the crate's root another name", module.name);
            return finding(what, "imports through that name would not be seen by this test");
        }
    };
    let Some(imported) = root.module_of(name) else {
        let what = format!("`{word}::{name}` is neither a module nor re-exported in src/lib.rs");
        return finding(what, "an import must tell which module it reaches");
    };
    let own = imported == module.name;
    let test_support = imported == "testing" && import.in_test;
    if own || test_support || module.may_import.contains(&imported) {
        return None;
    }
    let what = format!(
        "`{}` imports `{imported}` as `{word}::{name}`; it may import {}",
        module.name,
        list(module.may_import)
    );
    let why =
        if imported == "testing" { "what ships must not lean on its tests" } else { module.why };
    finding(what, why)
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// What the names at the crate's root stand for.
struct Root {
    // Re-exported name or exported macro → the top-level module that declares it.
    reexports: BTreeMap<String, String>,
}

impl Root {
    fn from_sources(sources: &[Source]) -> Root {
        let mut reexports = BTreeMap::new();
        for source in sources {
            let here = source.module_path();
            match here.first() {
                None => collect_reexports(&source.syntax().items, &mut reexports),
                Some(module) => {
                    for name in exported_macros(&source.syntax().items) {
                        reexports.insert(name, module.clone());
                    }
                }
            }
        }
        Root { reexports }
    }

    fn module_of<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match find_module(name) {
            Some(module) => Some(module.name),
            None => self.reexports.get(name).map(String::as_str),
        }
    }
}

fn collect_reexports(items: &[syn::Item], reexports: &mut BTreeMap<String, String>) {
    for item in items {
        if let syn::Item::Use(item) = item {
            collect_leaves(&item.tree, &mut Vec::new(), reexports);
        }
    }
}

/// Notes each name that a `use` brings in, with the first module on its way.
fn collect_leaves(
    tree: &syn::UseTree,
    way: &mut Vec<String>,
    reexports: &mut BTreeMap<String, String>,
) {
    let mut note = |name: &Ident, way: &[String]| {
        let first = way.iter().find(|step| !matches!(step.as_str(), "crate" | "self"));
        if let Some(first) = first {
            reexports.insert(name.to_string(), first.clone());
        }
    };
    match tree {
        syn::UseTree::Path(path) => {
            way.push(path.ident.to_string());
            collect_leaves(&path.tree, way, reexports);
            way.pop();
        }
        syn::UseTree::Name(name) => note(&name.ident, way),
        syn::UseTree::Rename(rename) => note(&rename.rename, way),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                collect_leaves(tree, way, reexports);
            }
        }
        // What a glob brings in stays unknown here, and so is refused where it is used.
        syn::UseTree::Glob(_) => {}
    }
}

/// `#[macro_export]` puts a macro at the crate's root, wherever it is written.
fn exported_macros(items: &[syn::Item]) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            syn::Item::Macro(item) if is_marked(&item.attrs, "macro_export") => {
                names.extend(item.ident.iter().map(Ident::to_string));
            }
            syn::Item::Mod(item) => {
                names.extend(item.content.iter().flat_map(|(_, items)| exported_macros(items)));
            }
            _ => {}
        }
    }
    names
}

fn is_marked(attributes: &[syn::Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// The modules in files of their own that this file declares under `#[cfg(test)]`, and the file itself if it opens
/// with `#![cfg(test)]`.
fn find_test_modules(source: &Source) -> Vec<Vec<String>> {
    let syntax = source.syntax();
    let here = source.module_path();
    let mut found = Vec::new();
    if syntax.attrs.iter().any(is_cfg_test) {
        found.push(here.clone());
    }
    for item in &syntax.items {
        if let syn::Item::Mod(item) = item
            && item.attrs.iter().any(is_cfg_test)
        {
            found.push([here.as_slice(), &[item.ident.to_string()]].concat());
        }
    }
    found
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    match &attribute.meta {
        syn::Meta::List(list) => {
            is_cfg_test_text(&format!("{}({})", text_of(&list.path), list.tokens))
        }
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
    }
}

/// Only the plain form counts: under `any(test, …)` the module may well be part of what ships.
fn is_cfg_test_text(attribute: &str) -> bool {
    attribute.replace(' ', "") == "cfg(test)"
}

fn text_of(path: &syn::Path) -> String {
    let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
    segments.join("::")
}

/// A path that starts at the crate's root, or climbs there by `super`.
struct Import {
    name: Imported,
    line: usize,
    in_test: bool,
}

enum Imported {
    /// The first name after the root.
    Name(String),
    /// `crate::*`.
    Glob,
    /// `crate as other`.
    RootItself,
}

/// Collects the imports of one file. Works on tokens, so that calls of macros and their definitions are seen too.
struct Walk {
    /// How a path to the root begins: `crate`, or in a program the crate's name.
    root_word: &'static str,
    imports: Vec<Import>,
}

impl Walk {
    fn tokens(&mut self, stream: TokenStream, here: &[String], in_test: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        // Whether the item that is being read stands under `#[cfg(test)]`.
        let mut item_is_test = false;
        let mut at = 0;
        while at < tokens.len() {
            if let Some((name, body)) = inline_module(&tokens[at..]) {
                let inside = [here, &[name]].concat();
                self.tokens(body, &inside, in_test || item_is_test);
                item_is_test = false;
                at += 3;
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(word) if *word == self.root_word && is_colons(&tokens, at + 1) => {
                    at = self.follow(&tokens, at + 3, Vec::new(), in_test);
                    continue;
                }
                TokenTree::Ident(word) if *word == self.root_word => {
                    self.note_renaming(&tokens, at, in_test);
                }
                TokenTree::Ident(word) if word == "super" => {
                    at = self.follow(&tokens, at, here.to_vec(), in_test);
                    continue;
                }
                TokenTree::Group(group) => {
                    match group.delimiter() {
                        Delimiter::Bracket => {
                            item_is_test |= is_cfg_test_text(&group.stream().to_string());
                        }
                        // The item's body: whatever comes next is another item.
                        Delimiter::Brace => item_is_test = false,
                        Delimiter::Parenthesis | Delimiter::None => {}
                    }
                    self.tokens(group.stream(), here, in_test);
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => item_is_test = false,
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    /// Follows a path from `start` to its first name or its end; returns the position after that. `base` is the
    /// module that the tokens before `start` led to.
    fn follow(
        &mut self,
        tokens: &[TokenTree],
        start: usize,
        mut base: Vec<String>,
        in_test: bool,
    ) -> usize {
        let mut at = start;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) if word == "super" => {
                    base.pop();
                    if !is_colons(tokens, at + 1) && base.is_empty() {
                        self.note_renaming(tokens, at, in_test);
                    }
                }
                Some(TokenTree::Ident(word)) if word == "self" => {
                    if base.is_empty() {
                        self.note_renaming(tokens, at, in_test);
                    }
                }
                Some(TokenTree::Ident(word)) => {
                    if base.is_empty() {
                        self.note(Imported::Name(word.to_string()), &tokens[at], in_test);
                    }
                    return at + 1;
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                    if base.is_empty() {
                        self.note(Imported::Glob, &tokens[at], in_test);
                    }
                    return at + 1;
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.follow_each(group.stream(), &base, in_test);
                    return at + 1;
                }
                Some(TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_)) | None => {
                    return at;
                }
            }
            if !is_colons(tokens, at + 1) {
                return at + 1;
            }
            at += 3;
        }
    }

    /// The branches of `use base::{a, b::c}`.
    fn follow_each(&mut self, branches: TokenStream, base: &[String], in_test: bool) {
        let tokens: Vec<TokenTree> = branches.into_iter().collect();
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
        let mut starts_branch = true;
        for (at, token) in tokens.iter().enumerate() {
            if starts_branch {
                self.follow(&tokens, at, base.to_vec(), in_test);
            }
            starts_branch = is_comma(token);
        }
    }

    fn note_renaming(&mut self, tokens: &[TokenTree], at: usize, in_test: bool) {
        if matches!(tokens.get(at + 1), Some(TokenTree::Ident(word)) if word == "as") {
            self.note(Imported::RootItself, &tokens[at], in_test);
        }
    }

    fn note(&mut self, name: Imported, token: &TokenTree, in_test: bool) {
        self.imports.push(Import { name, line: token.span().start().line, in_test });
    }
}

/// `mod name { … }` at the start of these tokens.
fn inline_module(tokens: &[TokenTree]) -> Option<(String, TokenStream)> {
    match tokens {
        [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..]
            if word == "mod" && body.delimiter() == Delimiter::Brace =>
        {
            Some((name.to_string(), body.stream()))
        }
        _ => None,
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

// ------------------------------------------------------------------------------------------------
// Each form is caught
// ------------------------------------------------------------------------------------------------

/// What the import checker finds in one file beside a small root.
fn imports_found(path: &str, text: &str) -> Vec<Finding> {
    let root =
        "pub mod value; pub mod storage; pub use storage::Store; pub use value::{Value, Key as K};";
    let macros = "#[macro_export] macro_rules! row { () => { $crate::value::Row } }";
    check_imports(&[
        Source::new("src/lib.rs", root),
        Source::new("src/database/row.rs", macros),
        Source::new(path, text),
    ])
}

#[test]
fn an_import_against_the_arrows_is_caught_in_each_form() {
    let caught = |text: &str| {
        assert_found(imports_found("src/catalog/column.rs", text), &[(2, "imports `storage`")]);
    };
    caught("\nuse crate::storage::Slot;");
    caught("\nuse crate::{value::Value, storage::{self, Slot}};");
    caught("\npub(in crate::catalog) use crate::storage as rows;");
    caught("\nfn f() { crate::storage::open() }");
    caught("\nfn f(slot: &crate::storage::Slot<crate::value::Value>) {}");
    caught("\nuse super::super::storage::Slot;");
    caught("\nuse super::{Column, super::storage::Slot};");
    caught("\nmod inner { use super::super::super::storage::Slot; }");
    caught("\nmacro_rules! m { () => { $crate::storage::open() } }");
    caught("\nfn f() { assert!(crate::storage::is_open()); }");
    caught("\nuse crate::Store;");
    caught("\n#[cfg(test)] mod tests { use crate::storage::Slot; }");
}

#[test]
fn an_import_that_hides_its_module_is_caught() {
    let caught = |text: &str, what: &str| {
        assert_found(imports_found("src/catalog/mod.rs", text), &[(1, what)]);
    };
    caught("use crate::*;", "imports everything");
    caught("use super::*;", "imports everything");
    caught("use crate as root;", "another name");
    caught("use crate::{self as root};", "another name");
    caught("use super as root;", "another name");
    caught("use crate::Unheard;", "neither a module nor re-exported");
}

#[test]
fn an_allowed_import_is_let_pass() {
    let passes = |path: &str, text: &str| assert_found(imports_found(path, text), &[]);
    passes(
        "src/catalog/mod.rs",
        "use crate::{Value, K, value::compare, expression::*}; use crate::catalog::A;",
    );
    passes(
        "src/catalog/column.rs",
        "pub(super) fn f() {} pub(crate) mod a { use super::super::names; }",
    );
    passes(
        "src/catalog/mod.rs",
        "#[cfg(test)] mod tests { use super::*; use crate::testing::script; }",
    );
    passes("src/session/mod.rs", "fn f() { crate::row!(crate::value::NULL) }");
    passes("src/bin/ondelete.rs", "fn main() { ondelete::cli::run() }");
}

#[test]
fn every_row_of_the_table_holds_its_module() {
    for module in MODULES {
        let path = format!("src/{}/a.rs", module.name);
        let word = root_word(module);
        let is_allowed =
            |other: &&Module| other.name == module.name || module.may_import.contains(&other.name);
        for other in MODULES {
            let text = format!("use {word}::{}::a;", other.name);
            let found = imports_found(&path, &text).len();
            assert_eq!(found, usize::from(!is_allowed(&other)), "{path}: {text}");
        }
    }
}

/// Each row may import only modules whose rows stand above its own, so no arrow leads back.
#[test]
fn the_table_has_no_circle() {
    for (index, module) in MODULES.iter().enumerate() {
        for imported in module.may_import {
            let position = MODULES.iter().position(|other| other.name == *imported);
            assert!(
                position < Some(index),
                "{} imports {imported}, which stands below it",
                module.name
            );
            assert!(position.is_some(), "{} imports {imported}, which has no row", module.name);
        }
    }
}

#[test]
fn testing_is_for_test_modules_only() {
    let caught = |text: &str| {
        let findings = imports_found("src/catalog/mod.rs", text);
        assert_found(findings, &[(1, "imports `testing`")]);
    };
    caught("use crate::testing::script;");
    caught("#[cfg(test)] mod tests { } use crate::testing::script;");
    caught("#[cfg(not(test))] mod a { use crate::testing::script; }");
    caught("#[cfg(any(test, unix))] mod a { use crate::testing::script; }");
    // A test module in a file of its own is one by its declaration.
    let beside = |declaration: &str| {
        check_imports(&[
            Source::new("src/lib.rs", ""),
            Source::new("src/catalog/mod.rs", declaration),
            Source::new("src/catalog/tests.rs", "use crate::testing::script;"),
        ])
    };
    assert_found(beside("#[cfg(test)] mod tests;"), &[]);
    assert_found(beside("mod tests;"), &[(1, "imports `testing`")]);
}

#[test]
fn a_module_without_a_row_is_caught() {
    assert_found(
        imports_found("src/helpers.rs", "//! Odds and ends."),
        &[(1, "`helpers` has no row")],
    );
}
