//! A trace told in words: a line for each statement, and one for each change of where objects stand.

use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The trace of a scenario, and what objects hold as far as it has been told.
pub struct Rendering {
    trace: Json,
    /// Alias → its latest entry.
    objects: BTreeMap<String, Json>,
}

impl Rendering {
    /// Nothing of this trace has been told.
    pub fn of(trace: Json) -> Rendering {
        Rendering { trace, objects: BTreeMap::new() }
    }

    /// What came of the models.
    pub fn set_up(&self) -> String {
        let set_up = &self.trace["setup"];
        warnings(set_up) + &error(set_up)
    }

    /// What came of a step.
    pub fn step(&mut self, at: usize) -> String {
        let Some(step) = self.trace["steps"].get(at).cloned() else {
            return "not reached\n".to_owned();
        };
        let mut text: String = list(&step["events"]).iter().map(event).collect();
        if let Some(skipped) = step.get("skipped") {
            let _ = writeln!(text, "skipped: there is no {}", plain(skipped));
        }
        if let Some(value) = step.get("value") {
            let _ = writeln!(text, "= {}", value_text(value));
        }
        text + &error(&step) + &warnings(&step) + &self.states(&step["objects"])
    }

    /// The objects that stand elsewhere than before, those that came to the same place together. A new
    /// one is transient, which goes without saying.
    fn states(&mut self, changed: &Json) -> String {
        let mut moved: Vec<(String, Vec<String>)> = Vec::new();
        for (alias, now) in changed.as_object().into_iter().flatten() {
            let before = self.objects.insert(alias.clone(), now.clone());
            let state = match (&before, now.get("same_as")) {
                (None, Some(other)) => format!("the same as {}", plain(other)),
                (Some(_), Some(_)) => continue,
                (_, None) => plain(&now["state"]),
            };
            let before = before.map_or("transient".into(), |before| plain(&before["state"]));
            if state == before {
                continue;
            }
            match moved.iter_mut().find(|(of, _)| *of == state) {
                Some((_, aliases)) => aliases.push(alias.clone()),
                None => moved.push((state, vec![alias.clone()])),
            }
        }
        let line =
            |(state, aliases): &(String, Vec<String>)| format!("{}: {state}\n", aliases.join(", "));
        moved.iter().map(line).collect()
    }

    /// What an object holds, as far as it has been told.
    pub fn object(&self, alias: &str) -> String {
        let Some(object) = self.objects.get(alias) else {
            return format!("there is no {alias}\n");
        };
        let mut text = format!("{alias}: {}", plain(&object["state"]));
        let loaded = object["loaded"].as_object().into_iter().flatten();
        for (name, value) in loaded {
            let _ = write!(text, ", {name} {}", value_text(value));
        }
        let expired = list(&object["expired"]);
        if !expired.is_empty() {
            let _ = write!(text, "; expired: {}", texts(expired).join(", "));
        }
        text + "\n"
    }

    /// All rows at the end.
    pub fn tables(&self) -> String {
        let tables = self.trace["tables"].as_object().cloned().unwrap_or_else(Map::new);
        let line = |(name, table): (&String, &Json)| {
            let rows: Vec<String> = list(&table["rows"]).iter().map(row).collect();
            let rows = if rows.is_empty() { "no rows".to_owned() } else { rows.join(" ") };
            format!("{name}: {rows}\n")
        };
        tables.iter().map(line).collect()
    }
}

/// A statement with its parameters, on one line.
fn event(event: &Json) -> String {
    if event["ev"] != "SQL" {
        return format!("{}\n", plain(&event["ev"]));
    }
    let sql = plain(&event["sql"]);
    let mut text: Vec<&str> = sql.split_whitespace().collect();
    let parameters = list(&event["params"]);
    let rows: Vec<String> = match event["many"] == true {
        true => parameters.iter().map(row).collect(),
        false if parameters.is_empty() => Vec::new(),
        false => vec![row(&event["params"])],
    };
    let rows = format!(" {}", rows.join(" "));
    if rows.len() > 1 {
        text.push(&rows);
    }
    text.join(" ") + "\n"
}

fn error(of: &Json) -> String {
    match of.get("error") {
        Some(error) => format!("! {}: {}\n", plain(&error["class"]), plain(&error["message"])),
        None => String::new(),
    }
}

fn warnings(of: &Json) -> String {
    let line = |warning: &Json| format!("warning: {}\n", plain(&warning["message"]));
    list(&of["warnings"]).iter().map(line).collect()
}

fn row(row: &Json) -> String {
    let values: Vec<String> = list(row).iter().map(value_text).collect();
    format!("({})", values.join(", "))
}

fn value_text(value: &Json) -> String {
    match value {
        Json::Null => "none".to_owned(),
        Json::String(text) => format!("'{text}'"),
        Json::Array(values) => {
            let values: Vec<String> = values.iter().map(value_text).collect();
            format!("[{}]", values.join(", "))
        }
        Json::Object(object) => match (object.get("ref"), object.get("rowcount")) {
            (Some(name), _) => plain(name),
            (None, Some(count)) if *count == 1 => "1 row".to_owned(),
            (None, Some(count)) => format!("{count} rows"),
            (None, None) => value.to_string(),
        },
        Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(values: &[Json]) -> Vec<String> {
    values.iter().map(plain).collect()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}
