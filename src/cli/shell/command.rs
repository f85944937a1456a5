//! The dot-commands.

use super::{Failure, Last, Mode, Shell};
use crate::catalog::SEQUENCE_TABLE;
use crate::database::{Database, Object, ObjectKind, Selector};
use crate::expression::quote_identifier;
use crate::id::SchemaId;
use crate::value::Value;
use std::path::Path;
use std::sync::Arc;

/// Each command, its arguments, and what it does.
pub(super) const COMMANDS: [(&str, &str, &str); 15] = [
    (".bail", "on|off", "Stop after an error"),
    (".dump", "", "Write everything as SQL"),
    (".exit", "", "Leave"),
    (".explain", "on|off", "Tell errors with their detail and hint"),
    (".headers", "on|off", "Write the names of columns"),
    (".help", "", "List the commands"),
    (".limit", "trigger_depth N", "Bound how deep actions and triggers nest"),
    (".mode", "quote|list|table|json", "How rows are written"),
    (".plan", "STATEMENT", "Tell what a statement would do, and do nothing"),
    (".print", "TEXT", "Write a text"),
    (".quit", "", "Leave"),
    (".read", "FILE", "Run a file"),
    (".schema", "[TABLE]", "Write the definitions"),
    (".tables", "", "List the tables"),
    (".why", "", "Tell in full what the last statement came to"),
];

impl Shell<'_> {
    /// Carries out a dot-command.
    pub(super) fn command(&mut self, line: &str) -> Result<(), Failure> {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let words = words(rest);
        let word = words.first().map_or("", String::as_str);
        match (name, word) {
            (".quit" | ".exit", _) => self.is_done = true,
            (".print", _) => writeln!(self.out, "{}", words.join(" "))?,
            (".help", _) => self.help()?,
            (".why", _) => self.why()?,
            (".plan", _) => self.plan(rest)?,
            (".tables", _) => self.tables()?,
            (".schema", _) => self.schema(word)?,
            (".dump", _) => self.dump()?,
            (".read", file) if !file.is_empty() => match self.read_file(Path::new(file)) {
                Err(Failure::Input(message)) => self.complain(&message)?,
                done => done?,
            },
            (".bail", "on" | "off") => self.bails = word == "on",
            (".headers" | ".header", "on" | "off") => self.has_headers = word == "on",
            (".explain", "on" | "off") => self.explains = word == "on",
            (".limit", "trigger_depth") => self.limit(words.get(1))?,
            (".mode", wanted) if !wanted.is_empty() => {
                match Mode::ALL.into_iter().find(|(name, _)| *name == wanted) {
                    Some((_, mode)) => self.mode = mode,
                    None => {
                        let names = Mode::ALL.map(|(name, _)| name).join(" ");
                        self.complain(&format!("mode should be one of: {names}"))?;
                    }
                }
            }
            // Settings of the real one that change nothing here.
            (".echo" | ".timer" | ".changes" | ".stats" | ".nullvalue" | ".width", _) => {}
            _ => self.complain(&format!(
                "unknown command or invalid arguments:  \"{}\". Enter \".help\" for help",
                name.trim_start_matches('.')
            ))?,
        }
        Ok(())
    }

    fn help(&mut self) -> Result<(), Failure> {
        for (name, arguments, what) in COMMANDS {
            writeln!(self.out, "{:<30} {what}", format!("{name} {arguments}"))?;
        }
        Ok(())
    }

    fn why(&mut self) -> Result<(), Failure> {
        match &self.last {
            Last::Nothing => writeln!(self.out, "nothing has happened yet")?,
            Last::Done(done) => writeln!(self.out, "{done}")?,
            Last::Failed(error) => writeln!(self.out, "error: {error}")?,
        }
        Ok(())
    }

    fn plan(&mut self, statement: &str) -> Result<(), Failure> {
        match self.connection.plan(statement) {
            Ok(plan) => writeln!(self.out, "{plan}")?,
            Err(error) => self.fail(error)?,
        }
        Ok(())
    }

    fn limit(&mut self, depth: Option<&String>) -> Result<(), Failure> {
        let depth = depth.and_then(|depth| depth.parse().ok());
        let db = self.connection.database_mut();
        if let Some(depth) = depth {
            db.set_depth_limit(Some(depth));
        }
        let limit = db.dialect().depth_limit.unwrap_or_default();
        writeln!(self.out, "{:>20} {limit}", "trigger_depth")?;
        Ok(())
    }

    fn tables(&mut self) -> Result<(), Failure> {
        let db = self.connection.database();
        let is_wanted = |object: &&Arc<Object>| {
            matches!(object.kind, ObjectKind::Table | ObjectKind::View)
                && object.name != SEQUENCE_TABLE
        };
        let name = |object: &Arc<Object>| match schema_of(db, object) {
            None => object.name.clone(),
            Some(schema) => format!("{schema}.{}", object.name),
        };
        let mut names: Vec<_> = db.objects().iter().filter(is_wanted).map(name).collect();
        names.sort_unstable();
        if !names.is_empty() {
            writeln!(self.out, "{}", names.join("  "))?;
        }
        Ok(())
    }

    fn schema(&mut self, table: &str) -> Result<(), Failure> {
        let db = self.connection.database();
        for (schema, _) in db.catalog().schemas().iter() {
            for object in db.objects_in(schema) {
                let is_wanted = table.is_empty() || object.is_of(table);
                if let (true, Some(sql)) = (is_wanted, &object.sql) {
                    // The name stands behind the word for what it is.
                    let word = format!("{} ", object.kind.word().to_ascii_uppercase());
                    let (create, rest) = sql.split_once(&word).unwrap_or(("", sql));
                    let schema = match schema_of(db, object) {
                        None => String::new(),
                        Some(schema @ "temp") => format!("{schema}."),
                        Some(schema) => format!("{}.", quote_identifier(schema)),
                    };
                    writeln!(self.out, "{create}{word}{schema}{rest};")?;
                }
            }
        }
        Ok(())
    }

    /// Tables of main with their rows first, then what hangs on them.
    fn dump(&mut self) -> Result<(), Failure> {
        writeln!(self.out, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;")?;
        let db = self.connection.database();
        let (tables, rest): (Vec<_>, Vec<_>) =
            db.objects_in(SchemaId::MAIN).partition(|object| object.kind == ObjectKind::Table);
        for table in tables {
            // It comes with the first table that needs it.
            match table.name == SEQUENCE_TABLE {
                true => writeln!(self.out, "DELETE FROM {SEQUENCE_TABLE};")?,
                false => writeln!(self.out, "{};", table.sql.as_deref().unwrap_or_default())?,
            }
            let entry = db.catalog().find_table_in(SchemaId::MAIN, &table.name);
            let rows = entry.and_then(|entry| db.find(entry.id, Selector::All).ok());
            for (_, row) in rows.unwrap_or_default() {
                let values: Vec<_> = row.iter().map(Value::to_string).collect();
                let name = quote_identifier(&table.name);
                writeln!(self.out, "INSERT INTO {name} VALUES({});", values.join(","))?;
            }
        }
        for object in rest {
            if let Some(sql) = &object.sql {
                writeln!(self.out, "{sql};")?;
            }
        }
        writeln!(self.out, "COMMIT;")?;
        Ok(())
    }
}

/// The name of the schema that an object is in, if that is not main.
fn schema_of<'a>(db: &'a Database, object: &Object) -> Option<&'a str> {
    Some(object.schema).filter(|id| *id != SchemaId::MAIN).map(|id| db.catalog().schemas().name(id))
}

/// The arguments of a command: words, or texts in quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '"' | '\'' => {
                let inner = &rest[1..];
                inner.split_once(first).unwrap_or((inner, ""))
            }
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}
