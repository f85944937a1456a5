//! The language of the scripts, read as scenarios.
//!
//! Models come first, and a model after other commands begins a new scenario. A column is an integer
//! if it is a key, refers to one, or is called `…_id`; otherwise text, unless its type is said.
//!
//! ```text
//! > model Hero hero: id key, name, age integer, team_id -> team.id on delete set null
//! > table post_tag: post_id key -> post.id, tag_id key -> tag.id
//! > relate Team.heroes Hero back_populates=team cascade=all,delete-orphan passive_deletes=true
//! enforce off                          before the first step: foreign keys are not enforced
//! configure                            tells what refusing or warning the models met
//!
//! > new h1 Hero name=Deadpond team=t1 heroes=[h1,h2]
//! add h1 h2      delete t1 h1      expunge h1      merge h1 h2      make_transient h1
//! set h1.name Spider-Boy      set h1.team none      unset h1.name      read t1.heroes h1 h2
//! append t1.heroes h1      insert t1.heroes 0 h1      extend t1.heroes h1 h2
//! remove t1.heroes h1      pop t1.heroes 0      replace t1.heroes h1      clear t1.heroes
//! get h1 Hero 1      > query h1 h2 Hero where name=x      > delete-where Hero where name=x
//! flush   commit   rollback   recover   close   expire-all   expunge-all
//! savepoint a   release a   rollback-to a   expire h1 name   refresh h1   is-modified h1
//! > sql DELETE FROM hero WHERE id = 1
//! show h1                              what the object holds
//! tables                               all rows, when the scenario is over
//! ```

use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A command as it stands in the script.
pub struct Line(String);

impl TryFrom<&goldenscript::Command> for Line {
    type Error = Box<dyn Error>;

    fn try_from(raw: &goldenscript::Command) -> Result<Line> {
        let mut line = raw.name.clone();
        for argument in &raw.args {
            match argument {
                goldenscript::Argument::Positional(word) => line = format!("{line} {word}"),
                _ => return Err("a command with signs begins with >".into()),
            }
        }
        Ok(Line(line))
    }
}

/// What is told of a command.
pub enum Told {
    /// Nothing: it is a part of the models.
    Nothing,
    /// What came of the models of a scenario.
    SetUp(usize),
    /// What came of a step of a scenario.
    Step(usize, usize),
    /// What an object of a scenario holds.
    Object(usize, String),
    /// The rows at the end of a scenario.
    Tables(usize),
}

/// Scenarios as far as they have been read.
#[derive(Default)]
pub struct Reader {
    scenarios: Vec<Json>,
    told: Vec<Told>,
    /// Of the scenario that is read: model → its relationships, alias → its model.
    relationships: BTreeMap<String, Vec<String>>,
    models: BTreeMap<String, String>,
}

impl Reader {
    /// All scenarios, and what is told of each command.
    pub fn finish(self) -> (Vec<Json>, Vec<Told>) {
        (self.scenarios, self.told)
    }

    /// Reads a command.
    pub fn read(&mut self, Line(line): &Line) -> Result<()> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let told = match verb {
            "model" | "table" | "relate" => {
                if self.scenarios.is_empty() || !self.steps().is_empty() {
                    self.begin();
                }
                match verb {
                    "model" => self.model(rest)?,
                    "table" => self.table(rest)?,
                    _ => self.relate(rest)?,
                }
                Told::Nothing
            }
            "enforce" if self.steps().is_empty() => {
                self.scenario()["enforce_foreign_keys"] = json!(rest == "on");
                Told::Nothing
            }
            "configure" => Told::SetUp(self.at()),
            "show" => Told::Object(self.at(), rest.to_owned()),
            "tables" => Told::Tables(self.at()),
            _ => {
                let step = self.step(verb, rest)?;
                self.steps().push(step);
                Told::Step(self.at(), self.steps().len() - 1)
            }
        };
        self.told.push(told);
        Ok(())
    }

    fn begin(&mut self) {
        self.scenarios.push(json!({
            "version": 1, "id": "script", "profile": "script", "enforce_foreign_keys": true,
            "snapshot": "each", "models": [], "tables": [], "steps": [],
        }));
        self.relationships.clear();
        self.models.clear();
    }

    fn at(&self) -> usize {
        self.scenarios.len() - 1
    }

    fn scenario(&mut self) -> &mut Json {
        self.scenarios.last_mut().expect("a script begins with a model")
    }

    fn steps(&mut self) -> &mut Vec<Json> {
        self.scenario()["steps"].as_array_mut().expect("steps are a list")
    }

    fn model(&mut self, rest: &str) -> Result<()> {
        let (name, rest) = word(rest)?;
        let (table, columns) = rest.split_once(':').ok_or("a model is `NAME TABLE: COLUMNS`")?;
        let mut model = columns_of(table, columns)?;
        model["name"] = json!(name);
        model["relationships"] = json!([]);
        self.relationships.insert(name.to_owned(), Vec::new());
        push(&mut self.scenario()["models"], model);
        Ok(())
    }

    fn table(&mut self, rest: &str) -> Result<()> {
        let (table, columns) = rest.split_once(':').ok_or("a table is `NAME: COLUMNS`")?;
        let table = columns_of(table, columns)?;
        push(&mut self.scenario()["tables"], table);
        Ok(())
    }

    fn relate(&mut self, rest: &str) -> Result<()> {
        let (path, rest) = word(rest)?;
        let (target, rest) = word(rest)?;
        let (model, name) = attribute(path)?;
        let mut relationship = json!({ "name": name, "target": target });
        for option in rest.split_whitespace() {
            let (key, value) = option.split_once('=').ok_or("an option is `key=value`")?;
            relationship[key] = match key {
                "remote_side" | "foreign_keys" | "order_by" => {
                    value.split(',').map(Json::from).collect()
                }
                "cascade" => json!(value.replace(',', ", ")),
                _ => scalar(value),
            };
        }
        let names = self.relationships.get_mut(model).ok_or("there is no such model")?;
        names.push(name.to_owned());
        let models = self.scenario()["models"].as_array_mut().expect("models are a list");
        let of =
            models.iter_mut().find(|it| it["name"] == model).ok_or("there is no such model")?;
        push(&mut of["relationships"], relationship);
        Ok(())
    }

    fn is_relationship(&self, model: &str, name: &str) -> bool {
        self.relationships.get(model).is_some_and(|names| names.iter().any(|it| it == name))
    }

    fn step(&mut self, verb: &str, rest: &str) -> Result<Json> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let first = || words.first().copied().ok_or("what of?");
        let path = || attribute(first()?);
        let of_path = |op: &str| -> Result<Json> {
            let (object, name) = path()?;
            Ok(json!({ "op": op, "obj": object, "attr": name }))
        };
        let with = |mut step: Json, key: &str, value: Json| {
            step[key] = value;
            step
        };
        Ok(match verb {
            "flush" | "commit" | "rollback" | "recover" | "close" => json!({ "op": verb }),
            "expire-all" | "expunge-all" => json!({ "op": verb.replace('-', "_") }),
            "savepoint" => json!({ "op": "begin_nested", "as": first()? }),
            "release" => json!({ "op": "commit_nested", "sp": first()? }),
            "rollback-to" => json!({ "op": "rollback_nested", "sp": first()? }),
            "enforce" => json!({ "op": "enforce", "on": first()? == "on" }),
            "new" => self.new_object(&words)?,
            "add" | "delete" if words.len() > 1 => {
                json!({ "op": format!("{verb}_all"), "objs": words })
            }
            "add" | "delete" | "expunge" | "make_transient" => {
                json!({ "op": verb, "obj": first()? })
            }
            "is-modified" => json!({ "op": "is_modified", "obj": first()? }),
            "expire" | "refresh" if words.len() > 1 => {
                json!({ "op": verb, "obj": first()?, "attrs": words[1..] })
            }
            "expire" | "refresh" => json!({ "op": verb, "obj": first()? }),
            "merge" => {
                let (object, merged) = (first()?, words.get(1).ok_or("merge to what?")?);
                self.know_as(merged, &self.model_of(object));
                let load = words.get(2) != Some(&"unloaded");
                json!({ "op": "merge", "obj": object, "as": merged, "load": load })
            }
            "set" => {
                let (object, name) = path()?;
                let value = words[1..].join(" ");
                match self.is_relationship(&self.model_of(object), name) {
                    true => with(of_path("set_ref")?, "to", none_or(&value)),
                    false => with(of_path("set")?, "value", scalar(&value)),
                }
            }
            "unset" => of_path("del_attr")?,
            "append" | "remove" => with(of_path(verb)?, "item", json!(words.get(1))),
            "insert" => {
                let step = with(of_path("insert")?, "index", scalar(words.get(1).unwrap_or(&"")));
                with(step, "item", json!(words.get(2)))
            }
            "extend" | "replace" => with(of_path(verb)?, "items", json!(words[1..])),
            "pop" => {
                with(of_path("pop")?, "index", words.get(1).map_or(json!(-1), |at| scalar(at)))
            }
            "clear" => of_path("clear")?,
            "read" if words.len() > 1 => with(of_path("touch")?, "as", json!(words[1..])),
            "read" => of_path("touch")?,
            "get" => {
                let model = words.get(1).ok_or("get of which model?")?;
                self.know_as(first()?, model);
                let key: Vec<Json> = words[2..].iter().map(|value| scalar(value)).collect();
                json!({ "op": "get", "as": first()?, "model": model, "pk": key })
            }
            "query" => {
                let (head, filter) = where_clause(rest);
                let mut head: Vec<&str> = head.split_whitespace().collect();
                let model = head.pop().ok_or("query of which model?")?;
                head.iter().for_each(|alias| self.know_as(alias, model));
                json!({ "op": "query", "as": head, "model": model, "where": filter })
            }
            "delete-where" => {
                let (model, filter) = where_clause(rest);
                json!({ "op": "bulk_delete", "model": model, "where": filter, "sync": "auto" })
            }
            "sql" => json!({ "op": "sql", "text": rest }),
            other => return Err(format!("there is no command {other:?}").into()),
        })
    }

    fn new_object(&mut self, words: &[&str]) -> Result<Json> {
        let [alias, model, attributes @ ..] = words else {
            return Err("new is `new ALIAS MODEL attribute=value`".into());
        };
        self.know_as(alias, model);
        let (mut values, mut refs, mut lists) = (Map::new(), Map::new(), Map::new());
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').ok_or("an attribute is `name=value`")?;
            if let Some(list) = value.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                let members = list.split(',').filter(|member| !member.is_empty());
                lists.insert(name.to_owned(), members.map(Json::from).collect());
            } else if self.is_relationship(model, name) {
                refs.insert(name.to_owned(), none_or(value));
            } else {
                values.insert(name.to_owned(), scalar(value));
            }
        }
        let mut step = json!({ "op": "new", "as": alias, "model": model });
        step["values"] = values.into();
        step["refs"] = refs.into();
        step["lists"] = lists.into();
        Ok(step)
    }

    fn know_as(&mut self, alias: &str, model: &str) {
        self.models.insert(alias.to_owned(), model.to_owned());
    }

    fn model_of(&self, alias: &str) -> String {
        self.models.get(alias).cloned().unwrap_or_default()
    }
}

fn push(list: &mut Json, value: Json) {
    list.as_array_mut().expect("it was made as a list").push(value);
}

fn word(text: &str) -> Result<(&str, &str)> {
    let text = text.trim();
    match text.split_once(' ') {
        Some((word, rest)) => Ok((word, rest)),
        None if text.is_empty() => Err("a word is missing".into()),
        None => Ok((text, "")),
    }
}

fn attribute(path: &str) -> Result<(&str, &str)> {
    path.split_once('.').ok_or_else(|| format!("{path} is not `object.attribute`").into())
}

/// A number, a truth value or nothing, else a text.
fn scalar(text: &str) -> Json {
    match text {
        "none" => Json::Null,
        _ => match serde_json::from_str::<Json>(text) {
            Ok(value @ (Json::Number(_) | Json::Bool(_))) => value,
            _ => json!(text),
        },
    }
}

fn none_or(alias: &str) -> Json {
    if alias == "none" { Json::Null } else { json!(alias) }
}

/// What stands before `where`, and the values asked for after it.
fn where_clause(text: &str) -> (&str, Json) {
    let (head, filter) = text.split_once(" where ").unwrap_or((text, ""));
    let values = filter.split_whitespace().filter_map(|term| term.split_once('='));
    let values: Map<String, Json> =
        values.map(|(name, value)| (name.to_owned(), scalar(value))).collect();
    (head, values.into())
}

fn columns_of(table: &str, columns: &str) -> Result<Json> {
    let (mut list, mut keys) = (Vec::new(), Vec::new());
    for column in columns.split(',') {
        let (column, key) = match column.split_once("->") {
            Some((column, key)) => (column, Some(key.trim())),
            None => (column, None),
        };
        let mut words = column.split_whitespace();
        let name = words.next().ok_or("a column has a name")?;
        let is_integer = name == "id" || name.ends_with("_id") || key.is_some();
        let mut read =
            json!({ "name": name, "type": if is_integer { "integer" } else { "varchar" } });
        for word in words {
            match word {
                "key" => read["primary_key"] = json!(true),
                "required" => read["nullable"] = json!(false),
                "unique" => read["unique"] = json!(true),
                of => read["type"] = json!(of),
            }
        }
        list.push(read);
        if let Some(key) = key {
            let (referenced, rules) = key.split_once(" on ").unwrap_or((key, ""));
            let (other, column) = attribute(referenced.trim())?;
            let mut key = json!({ "columns": [name], "table": other, "ref_columns": [column] });
            for rule in rules.split(" on ").filter(|rule| !rule.is_empty()) {
                let (event, action) = word(rule)?;
                key[format!("on_{event}")] = json!(action.to_uppercase());
            }
            keys.push(key);
        }
    }
    Ok(json!({ "table": table.trim(), "columns": list, "foreign_keys": keys }))
}
