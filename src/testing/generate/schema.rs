//! Random schemas: tables that reference themselves and each other in every way there is.
//!
//! Tables are drafted with their keys first and get foreign keys afterwards, so that cycles and
//! diamonds arise by themselves. Two things are avoided because SQLite leaves them open or is known
//! to differ: a referencing column whose affinity would widen SQLite's scan from the referenced side
//! (exception E7), and an index that starts with a referencing column but goes on with others, by
//! which SQLite would visit the rows of an action in another order than that of row ids.

use super::random::Random;
use crate::catalog::{
    Column, ConstraintMode, ForeignKey, Index, IndexColumn, MatchType, ReferentialAction, Table,
};
use crate::expression::{Expression, col, lit};
use crate::value::{Collation, DataType, Value};

/// A column in the making.
#[derive(Clone)]
struct DraftColumn {
    name: String,
    data_type: DataType,
    collation: Collation,
    not_null: bool,
    default: Option<Value>,
    check: Option<Expression>,
}

/// A table in the making.
struct Draft {
    name: String,
    columns: Vec<DraftColumn>,
    /// Keys by position of their columns; the first one is the primary key if `has_primary`.
    keys: Vec<Vec<usize>>,
    has_primary: bool,
    /// Unique indexes to be made after the table.
    indexes: Vec<Vec<usize>>,
    foreign_keys: Vec<DraftKey>,
}

struct DraftKey {
    columns: Vec<usize>,
    definition: ForeignKey,
}

/// Tables in the order in which they are to be created, and the indexes that follow.
pub(super) struct Schema {
    pub(super) tables: Vec<Table>,
    pub(super) indexes: Vec<Index>,
}

/// How often each action is chosen.
pub(super) type Weights = [(usize, ReferentialAction); 5];

/// Every action about as often as it takes to meet each of them in every place.
pub(super) const EVENLY: Weights = [
    (17, ReferentialAction::NoAction),
    (12, ReferentialAction::Restrict),
    (20, ReferentialAction::Cascade),
    (27, ReferentialAction::SetNull),
    (24, ReferentialAction::SetDefault),
];

/// A random schema over keys from 1 to `space`, with delete rules as often as said.
pub(super) fn schema(random: &mut Random, space: usize, on_delete: &Weights) -> Schema {
    let count = random.weighted(&[(5, 1), (24, 2), (29, 3), (22, 4), (12, 5), (8, 6)]);
    let mut drafts: Vec<Draft> =
        (0..count).map(|at| draft(random, space, format!("t{at}"))).collect();
    let is_faulty = random.chance(5);
    for at in 0..count {
        let wanted =
            random.weighted(&[(if at == 0 { 15 } else { 6 }, 0), (50, 1), (30, 2), (9, 3)]);
        for _ in 0..wanted {
            add_foreign_key(random, space, &mut drafts, at, on_delete);
        }
    }
    if is_faulty {
        let at = random.below(count);
        add_faulty_key(random, &mut drafts, at);
    }
    let mut schema = Schema { tables: Vec::new(), indexes: Vec::new() };
    for draft in drafts {
        let (table, indexes) = draft.finish(random);
        schema.tables.push(table);
        schema.indexes.extend(indexes);
    }
    schema
}

/// A table that references at most itself.
pub(super) fn lone_table(random: &mut Random, space: usize, name: &str) -> Table {
    let mut drafts = [draft(random, space, name.to_owned())];
    for _ in 0..random.below(3) {
        add_foreign_key(random, space, &mut drafts, 0, &EVENLY);
    }
    let [draft] = drafts;
    draft.finish(random).0
}

/// A table with keys and no foreign keys.
fn draft(random: &mut Random, space: usize, name: String) -> Draft {
    let mut table = Draft {
        name,
        columns: Vec::new(),
        keys: Vec::new(),
        has_primary: true,
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
    };
    match random.weighted(&[(50, 0), (22, 1), (18, 2), (10, 3)]) {
        0 => table.columns.push(plain("k", DataType::Integer)),
        1 => table.columns.push(key_column(random, "k")),
        2 => {
            table.columns.push(key_column(random, "k"));
            table.columns.push(key_column(random, "l"));
        }
        _ => table.has_primary = false,
    }
    if table.has_primary {
        let mut key: Vec<usize> = (0..table.columns.len()).collect();
        if key.len() == 2 && random.chance(20) {
            key.reverse();
        }
        table.keys.push(key);
    }
    if !table.has_primary || random.chance(45) {
        let mut column = key_column(random, "u");
        if random.chance(25) {
            column.default = Some(key_value(random, space, column.data_type));
        }
        table.columns.push(column);
        table.keys.push(vec![table.columns.len() - 1]);
    }
    if random.chance(12) {
        // A key over two columns, one of them of another key.
        table.columns.push(key_column(random, "w"));
        let last = table.columns.len() - 1;
        let key = vec![last, random.below(last)];
        if random.chance(50) { table.keys.push(key) } else { table.indexes.push(key) }
    }
    if random.chance(8) {
        table.columns.push(key_column(random, "x"));
        table.indexes.push(vec![table.columns.len() - 1]);
    }
    if random.chance(35) {
        let mut column = plain("v", DataType::Integer);
        column.not_null = random.chance(30);
        if random.chance(40) {
            column.default = Some(Value::Integer(random.between(1, space) as i64));
        }
        if random.chance(30) {
            let limit = Value::Integer(random.between(1, space) as i64);
            let checks =
                [col("v").ne(lit(limit.clone())), col("v").gt(lit(0)), col("v").le(lit(limit))];
            column.check = Some(random.pick(&checks));
        }
        table.columns.push(column);
    }
    table
}

fn plain(name: &str, data_type: DataType) -> DraftColumn {
    DraftColumn {
        name: name.to_owned(),
        data_type,
        collation: Collation::Binary,
        not_null: false,
        default: None,
        check: None,
    }
}

/// A column that a key may have: any type, any collation.
fn key_column(random: &mut Random, name: &str) -> DraftColumn {
    let data_type = random.weighted(&[
        (45, DataType::Integer),
        (30, DataType::Text),
        (10, DataType::Any),
        (8, DataType::Real),
        (4, DataType::Blob),
        (3, DataType::Boolean),
    ]);
    let collation = random.weighted(&[
        (60, Collation::Binary),
        (25, Collation::NoCase),
        (15, Collation::RTrim),
    ]);
    let collates = data_type == DataType::Text || random.chance(10);
    DraftColumn {
        collation: if collates { collation } else { Collation::Binary },
        not_null: random.chance(12),
        ..plain(name, data_type)
    }
}

/// A value for a column of this type, from the small space of keys.
pub(super) fn key_value(random: &mut Random, space: usize, data_type: DataType) -> Value {
    let number = random.between(1, space) as i64;
    let text = |random: &mut Random| {
        let letter = (b'a' + (number - 1) as u8) as char;
        let text = match random.below(10) {
            0 => letter.to_ascii_uppercase().to_string(),
            1 => format!("{letter} "),
            2 => number.to_string(),
            _ => letter.to_string(),
        };
        Value::from(text.as_str())
    };
    match data_type {
        DataType::Integer | DataType::Boolean => Value::Integer(number),
        DataType::Real => match random.below(6) {
            0 => Value::Real(number as f64 + 0.5),
            _ => Value::Real(number as f64),
        },
        DataType::Text => text(random),
        DataType::Blob => Value::Blob([number as u8].into()),
        DataType::Any => match random.below(4) {
            0 => Value::Real(number as f64),
            1 => text(random),
            _ => Value::Integer(number),
        },
    }
}

/// Types of a referencing column for which all of SQLite's ways of comparing agree. Its lookup
/// converts by the referenced column, its actions by the referencing one, unless the referenced one
/// is the row id, and its counting compares as two columns.
fn referencing_type(random: &mut Random, referenced: DataType, is_row_id: bool) -> DataType {
    match referenced {
        DataType::Integer if is_row_id => random.weighted(&[
            (65, DataType::Integer),
            (10, DataType::Real),
            (10, DataType::Text),
            (11, DataType::Any),
            (4, DataType::Blob),
        ]),
        DataType::Integer | DataType::Real | DataType::Boolean => random.weighted(&[
            (80, DataType::Integer),
            (15, DataType::Real),
            (5, DataType::Boolean),
        ]),
        DataType::Text => DataType::Text,
        DataType::Any | DataType::Blob => {
            random.weighted(&[(75, DataType::Any), (25, DataType::Blob)])
        }
    }
}

/// Whether a column of the first type may reference one of the second; see [`referencing_type`].
fn may_reference(referencing: DataType, referenced: DataType, is_row_id: bool) -> bool {
    match referenced {
        DataType::Integer if is_row_id => true,
        DataType::Integer | DataType::Real | DataType::Boolean => {
            matches!(referencing, DataType::Integer | DataType::Real | DataType::Boolean)
        }
        DataType::Text => referencing == DataType::Text,
        DataType::Any | DataType::Blob => matches!(referencing, DataType::Any | DataType::Blob),
    }
}

fn add_foreign_key(
    random: &mut Random,
    space: usize,
    drafts: &mut [Draft],
    at: usize,
    on_delete: &Weights,
) {
    let to = if drafts.len() == 1 || random.chance(24) { at } else { random.below(drafts.len()) };
    let target = &drafts[to];
    let choice = random.below(target.keys.len() + target.indexes.len());
    let (key, is_primary) = match target.keys.get(choice) {
        Some(key) => (key.clone(), choice == 0 && target.has_primary),
        None => (target.indexes[choice - target.keys.len()].clone(), false),
    };
    let referenced: Vec<DraftColumn> = key.iter().map(|&at| target.columns[at].clone()).collect();
    let mut names: Vec<String> = referenced.iter().map(|column| column.name.clone()).collect();
    let name = target.name.clone();
    let is_row_id = is_primary && key.len() == 1 && referenced[0].data_type == DataType::Integer;
    let mut columns = Vec::new();
    for (wanted, &position) in referenced.iter().zip(&key) {
        let wanted = Wanted { column: wanted, is_row_id, own: (to == at).then_some(position) };
        let column = referencing_column(random, space, &mut drafts[at], &wanted, &columns);
        columns.push(column);
    }
    if !fits_indexes(&drafts[at], &columns) {
        return;
    }
    if is_primary && random.chance(45) {
        names.clear();
    } else if names.len() == 2 && random.chance(25) {
        names.reverse();
        columns.reverse();
    }
    let own = columns.iter().map(|&column| drafts[at].columns[column].name.clone());
    let definition = ForeignKey::new(own.collect::<Vec<_>>(), name, names)
        .on_delete(random.weighted(on_delete))
        .on_update(action(random))
        .mode(mode(random))
        .match_type(random.weighted(&[
            (94, MatchType::Simple),
            (3, MatchType::Full),
            (3, MatchType::Partial),
        ]));
    drafts[at].foreign_keys.push(DraftKey { columns, definition });
}

/// A column that a referencing one is wanted for.
struct Wanted<'a> {
    column: &'a DraftColumn,
    is_row_id: bool,
    /// Its position, if it is in the same table.
    own: Option<usize>,
}

/// A column to reference `wanted` with: an old one that fits, or a new one.
fn referencing_column(
    random: &mut Random,
    space: usize,
    table: &mut Draft,
    wanted: &Wanted<'_>,
    taken: &[usize],
) -> usize {
    let referenced = wanted.column.data_type;
    if random.chance(14) {
        let fits = |at: &usize| {
            !taken.contains(at)
                && wanted.own != Some(*at)
                && may_reference(table.columns[*at].data_type, referenced, wanted.is_row_id)
        };
        let fitting: Vec<usize> = (0..table.columns.len()).filter(fits).collect();
        if !fitting.is_empty() {
            return random.pick(&fitting);
        }
    }
    let data_type = referencing_type(random, referenced, wanted.is_row_id);
    let mut column = plain(&format!("f{}", table.columns.len()), data_type);
    if data_type == DataType::Text {
        let collations = [Collation::Binary, Collation::Binary, Collation::NoCase];
        column.collation = random.pick(&collations);
    }
    column.not_null = random.chance(9);
    if random.chance(55) {
        column.default = Some(key_value(random, space.min(3), referenced));
    }
    table.columns.push(column);
    table.columns.len() - 1
}

/// Whether SQLite would visit referencing rows in row id order: no index starts with one of these
/// columns and goes on with another that is not among them.
fn fits_indexes(table: &Draft, columns: &[usize]) -> bool {
    table.keys.iter().chain(&table.indexes).all(|key| is_index_safe(key, columns))
}

pub(super) fn is_index_safe(index: &[usize], referencing: &[usize]) -> bool {
    !referencing.contains(&index[0]) || index.iter().all(|column| referencing.contains(column))
}

/// A foreign key that nothing can satisfy: its table or key does not exist.
fn add_faulty_key(random: &mut Random, drafts: &mut [Draft], at: usize) {
    let table = &mut drafts[at];
    table.columns.push(plain("z", DataType::Integer));
    let position = table.columns.len() - 1;
    let (name, columns) = match random.below(4) {
        0 => ("missing".to_owned(), Vec::new()),
        1 => ("missing".to_owned(), vec!["k".to_owned()]),
        2 => (table.name.clone(), vec!["z".to_owned()]),
        _ => (drafts[random.below(at + 1)].name.clone(), vec!["nothing".to_owned()]),
    };
    let definition = ForeignKey::new(["z"], name, columns)
        .on_delete(action(random))
        .on_update(action(random))
        .mode(mode(random));
    drafts[at].foreign_keys.push(DraftKey { columns: vec![position], definition });
}

pub(super) fn action(random: &mut Random) -> ReferentialAction {
    random.weighted(&EVENLY)
}

pub(super) fn mode(random: &mut Random) -> ConstraintMode {
    random.weighted(&[
        (48, ConstraintMode::NotDeferrable),
        (12, ConstraintMode::DeferrableInitiallyImmediate),
        (40, ConstraintMode::DeferrableInitiallyDeferred),
    ])
}

impl Draft {
    fn finish(self, random: &mut Random) -> (Table, Vec<Index>) {
        let Draft { name, columns, keys, has_primary, indexes, mut foreign_keys } = self;
        let names = |key: &[usize]| -> Vec<String> {
            key.iter().map(|&at| columns[at].name.clone()).collect()
        };
        let mut table = Table::new(name.clone());
        let mut on_table = Vec::new();
        for (position, draft) in columns.iter().enumerate() {
            let mut column = Column::new(&draft.name, draft.data_type).collate(draft.collation);
            if draft.not_null {
                column = column.not_null();
            }
            if let Some(default) = &draft.default {
                column = column.default(lit(default.clone()));
            }
            if let Some(check) = &draft.check {
                column = column.check(check.clone());
            }
            for (at, key) in keys.iter().enumerate().filter(|(_, key)| **key == [position]) {
                match (has_primary && at == 0, random.chance(60)) {
                    (true, true) => column = column.primary_key(),
                    (false, true) => column = column.unique(),
                    (_, false) => on_table.push((at, key.clone())),
                }
            }
            while let Some(at) = foreign_keys.iter().position(|key| key.columns == [position]) {
                if random.chance(45) {
                    break;
                }
                column = on_column(column, &foreign_keys.remove(at).definition);
            }
            table = table.column(column);
        }
        on_table.extend(keys.iter().cloned().enumerate().filter(|(_, key)| key.len() > 1));
        on_table.sort();
        for (at, key) in on_table {
            table = match has_primary && at == 0 {
                true => table.primary_key(names(&key)),
                false => table.unique(names(&key)),
            };
        }
        for key in foreign_keys {
            table = table.foreign_key(key.definition);
        }
        let index = |(at, key): (usize, &Vec<usize>)| {
            Index::new(format!("{name}_i{at}"), name.clone(), names(key)).unique()
        };
        let indexes = indexes.iter().enumerate().map(index).collect();
        (table, indexes)
    }
}

/// The same foreign key, declared on its column.
fn on_column(column: Column, key: &ForeignKey) -> Column {
    let column = match key.referenced_columns() {
        [only] => column.references(key.references(), only),
        _ => column.references_key(key.references()),
    };
    column
        .on_delete(key.delete_rule())
        .on_update(key.update_rule())
        .mode(key.constraint_mode())
        .match_type(key.match_word())
}

/// An index column as it may stand in a secondary index.
pub(super) fn index_column(random: &mut Random, name: &str) -> IndexColumn {
    let column = IndexColumn::new(name);
    match random.below(12) {
        0 => column.collate(Collation::NoCase),
        1 | 2 => column.descending(),
        _ => column,
    }
}
