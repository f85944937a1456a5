//! What a user writes to define a table: builders whose values are the definition itself.
//!
//! A [`Table`] is plain data. It knows nothing of other tables; what it references is looked up
//! when the catalogue resolves it. Constraints declared on a column come before those declared on
//! the table, each kind in the order written, as in the SQL text that [`Table`] prints as: that
//! order decides which constraint acts first.

use super::constraint::{
    Check, ConstraintMode, ForeignKey, KeyConstraint, MatchType, ReferentialAction, Resolution,
};
use super::links::is_same;
use super::name::{Name, Names};
use super::resolve::NoColumns;
use crate::expression::{Bound, Expression};
use crate::id::SchemaId;
use crate::value::{Affinity, Collation, DataType, Value};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// A column's definition.
///
/// ```
/// use ondelete::Column;
/// let column = Column::text("name").not_null();
/// assert_eq!(column.name(), "name");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub(super) name: Name,
    pub(super) data_type: DataType,
    /// The type as written, where it is not the data type's own name.
    pub(super) declared: Option<Name>,
    pub(super) not_null: bool,
    pub(super) not_null_resolution: Option<Resolution>,
    pub(super) default: Option<Expression>,
    /// The default as it was written, if it was.
    pub(super) default_text: Option<Name>,
    /// What it is computed from, if it is, and whether it is said to be STORED.
    pub(super) generated: Option<(Expression, bool)>,
    pub(super) collation: Collation,
    /// Declared on the column; `Table::column` moves them to the table's lists.
    keys: SmallVec<[KeyConstraint; 1]>,
    checks: Vec<Check>,
    foreign_keys: Vec<ForeignKey>,
}

impl Column {
    /// A column of this type, nullable and without a default.
    pub fn new(name: impl Into<Name>, data_type: DataType) -> Self {
        Column {
            name: name.into(),
            data_type,
            declared: None,
            not_null: false,
            not_null_resolution: None,
            default: None,
            default_text: None,
            generated: None,
            collation: Collation::Binary,
            keys: SmallVec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
        }
    }

    /// An INTEGER column.
    pub fn integer(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Integer)
    }

    /// A REAL column.
    pub fn real(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Real)
    }

    /// A TEXT column.
    pub fn text(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Text)
    }

    /// A BLOB column.
    pub fn blob(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Blob)
    }

    /// A BOOLEAN column: 0 and 1, with numeric affinity as in SQLite.
    pub fn boolean(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Boolean)
    }

    /// A column without a type: values are kept as they come.
    pub fn any(name: impl Into<Name>) -> Self {
        Column::new(name, DataType::Any)
    }

    /// A column of this type as SQL has it: any words, whose letters decide the affinity.
    ///
    /// ```
    /// use ondelete::{Column, value::Affinity};
    /// assert_eq!(Column::declared("name", "VARCHAR(80)").affinity(), Affinity::Text);
    /// ```
    pub fn declared(name: impl Into<Name>, declared: &str) -> Self {
        let data_type = DataType::of_declared(declared);
        let is_plain = declared == data_type.to_string();
        let declared = (!is_plain).then(|| declared.into());
        Column { declared, ..Column::new(name, data_type) }
    }

    /// ON CONFLICT of its NOT NULL: what is done about a NULL, unless the statement says.
    #[must_use]
    pub fn not_null_on_conflict(mut self, resolution: Resolution) -> Self {
        self.not_null_resolution = Some(resolution);
        self
    }

    /// NOT NULL.
    #[must_use]
    pub fn not_null(mut self) -> Self {
        self.not_null = true;
        self
    }

    /// PRIMARY KEY on this column alone. On an INTEGER column the key is the row id, and a row
    /// inserted without it gets the greatest one plus 1. On others NULL is allowed, as in SQLite;
    /// add [`Column::not_null`].
    #[must_use]
    pub fn primary_key(self) -> Self {
        let key = KeyConstraint::over(true, smallvec![self.name.clone()]);
        self.key(key)
    }

    /// UNIQUE on this column alone. Any number of rows may hold NULL.
    #[must_use]
    pub fn unique(self) -> Self {
        let key = KeyConstraint::over(false, smallvec![self.name.clone()]);
        self.key(key)
    }

    /// A key on this column alone, with all that can be said of one.
    #[must_use]
    pub fn key(mut self, key: KeyConstraint) -> Self {
        self.keys.push(key.on_column());
        self
    }

    /// DEFAULT: a value (`default(0)`) or an expression without columns. Also what SET DEFAULT sets.
    #[must_use]
    pub fn default(mut self, default: impl Into<Expression>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// CHECK: violated when the expression is false; NULL passes.
    #[must_use]
    pub fn check(self, check: impl Into<Expression>) -> Self {
        self.add_check(Check::new(check))
    }

    /// A check, with all that can be said of one.
    #[must_use]
    pub fn add_check(mut self, check: Check) -> Self {
        self.checks.push(Check { column: Some(self.name.clone()), ..check });
        self
    }

    /// GENERATED ALWAYS AS (expression): computed from other columns of the row, never given. It is
    /// kept with the row either way; `is_stored` only says how it was declared.
    #[must_use]
    pub fn generated(mut self, expression: impl Into<Expression>, is_stored: bool) -> Self {
        self.generated = Some((expression.into(), is_stored));
        self
    }

    /// Whether it is computed, and if so whether it was declared STORED.
    pub fn generated_stored(&self) -> Option<bool> {
        self.generated.as_ref().map(|(_, is_stored)| *is_stored)
    }

    /// The default as it was written, to be shown.
    #[must_use]
    pub fn default_written_as(mut self, text: impl Into<Name>) -> Self {
        self.default_text = Some(text.into());
        self
    }

    /// COLLATE: how texts of this column compare.
    #[must_use]
    pub fn collate(mut self, collation: Collation) -> Self {
        self.collation = collation;
        self
    }

    /// REFERENCES table (column). Follow with [`Column::on_delete`] and the like.
    #[must_use]
    pub fn references(self, table: impl Into<Name>, column: impl Into<Name>) -> Self {
        self.foreign_key(ForeignKey::on_column(table.into(), smallvec![column.into()]))
    }

    /// REFERENCES table: its primary key, whichever that is.
    #[must_use]
    pub fn references_key(self, table: impl Into<Name>) -> Self {
        self.foreign_key(ForeignKey::on_column(table.into(), Names::new()))
    }

    /// The delete rule of the foreign key declared last on this column.
    ///
    /// # Panics
    /// If no `references` came before: there is nothing the rule could belong to.
    #[must_use]
    pub fn on_delete(self, action: ReferentialAction) -> Self {
        self.last_foreign_key(|key| key.on_delete = action)
    }

    /// The update rule of the foreign key declared last on this column.
    ///
    /// # Panics
    /// If no `references` came before.
    #[must_use]
    pub fn on_update(self, action: ReferentialAction) -> Self {
        self.last_foreign_key(|key| key.on_update = action)
    }

    /// When the foreign key declared last on this column is checked.
    ///
    /// # Panics
    /// If no `references` came before.
    #[must_use]
    pub fn mode(self, mode: ConstraintMode) -> Self {
        self.last_foreign_key(|key| key.mode = mode)
    }

    /// The MATCH word of the foreign key declared last on this column.
    ///
    /// # Panics
    /// If no `references` came before.
    #[must_use]
    pub fn match_type(self, match_type: MatchType) -> Self {
        self.last_foreign_key(|key| key.match_type = match_type)
    }

    /// The name of the foreign key declared last on this column.
    ///
    /// # Panics
    /// If no `references` came before.
    #[must_use]
    pub fn constraint(self, name: impl Into<Name>) -> Self {
        self.last_foreign_key(|key| key.name = Some(name.into()))
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data type that follows from its declared type.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Its type as declared; empty without one.
    pub fn declared_type(&self) -> String {
        match &self.declared {
            Some(declared) => declared.to_string(),
            None => self.data_type.to_string(),
        }
    }

    /// What is done about a NULL, if its NOT NULL says.
    pub fn not_null_resolution(&self) -> Option<Resolution> {
        self.not_null_resolution
    }

    /// Its DEFAULT as text, if it has one.
    pub fn default_text(&self) -> Option<String> {
        let written = self.default_text.as_ref().map(Name::to_string);
        written.or_else(|| self.default.as_ref().map(Expression::to_string))
    }

    /// The same column in a STRICT table, where ANY means what no type means elsewhere.
    #[cfg(feature = "sql")]
    pub(crate) fn in_strict_table(self) -> Self {
        match self.declared_type().to_string().eq_ignore_ascii_case("any") {
            true => Column { data_type: DataType::Any, declared: Some("ANY".into()), ..self },
            false => self,
        }
    }

    /// Whether a column of a STRICT table can hold a value that was converted.
    pub fn holds(&self, value: &Value) -> bool {
        match (self.affinity(), value) {
            (_, Value::Null)
            | (Affinity::Integer, Value::Integer(_))
            | (Affinity::Real, Value::Real(_))
            | (Affinity::Text, Value::Text(_))
            | (Affinity::Blob, Value::Blob(_)) => true,
            (Affinity::Blob, _) => self.data_type == DataType::Any,
            (Affinity::Integer | Affinity::Real | Affinity::Text | Affinity::Numeric, _) => false,
        }
    }

    /// The affinity that decides conversion on write.
    pub fn affinity(&self) -> Affinity {
        self.data_type.affinity()
    }

    /// How its texts compare.
    pub fn collation(&self) -> Collation {
        self.collation
    }

    /// Whether NULL is refused.
    pub fn is_not_null(&self) -> bool {
        self.not_null
    }

    /// Its DEFAULT, if it has one.
    pub fn default_expression(&self) -> Option<&Expression> {
        self.default.as_ref()
    }

    /// Whether it is declared INTEGER, in this word and no other.
    fn is_declared_integer(&self) -> bool {
        let is_so = |declared: &Name| declared.eq_ignore_ascii_case("INTEGER");
        self.data_type == DataType::Integer && self.declared.as_ref().is_none_or(is_so)
    }

    /// Its DEFAULT, if that may come to something else for each row.
    pub(super) fn computed_default(&self) -> Option<Bound> {
        let default = self.default.as_ref().filter(|default| default.is_volatile())?;
        default.bind(&NoColumns).ok()
    }

    /// The value of its DEFAULT; NULL without one.
    pub(crate) fn default_value(&self) -> Value {
        let Some(default) = &self.default else { return Value::Null };
        default.bind(&NoColumns).map_or(Value::Null, |default| default.evaluate(&[][..]))
    }

    /// A foreign key on this column alone, with all that can be said of one.
    #[must_use]
    pub fn foreign_key(mut self, mut key: ForeignKey) -> Self {
        key.on_column = true;
        key.columns = smallvec![self.name.clone()];
        self.foreign_keys.push(key);
        self
    }

    fn last_foreign_key(mut self, change: impl FnOnce(&mut ForeignKey)) -> Self {
        change(self.foreign_keys.last_mut().expect("`references` comes before its options"));
        self
    }
}

/// A table's definition: columns and constraints. Prints as the CREATE TABLE that makes it.
///
/// ```
/// use ondelete::{Column, ReferentialAction::SetNull, Table};
/// let hero = Table::new("hero")
///     .column(Column::integer("id").primary_key())
///     .column(Column::integer("team_id").references("team", "id").on_delete(SetNull));
/// assert_eq!(
///     hero.to_string(),
///     "CREATE TABLE hero (\n  id INTEGER PRIMARY KEY,\n  \
///      team_id INTEGER REFERENCES team (id) ON DELETE SET NULL\n)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub(super) name: Name,
    pub(super) columns: Vec<Column>,
    pub(super) keys: SmallVec<[KeyConstraint; 1]>,
    pub(super) checks: Vec<Check>,
    /// Shared with the catalogues that have the table.
    pub(super) foreign_keys: Vec<Arc<ForeignKey>>,
    pub(super) without_row_id: bool,
    pub(super) strict: bool,
    pub(super) autoincrement: bool,
    pub(super) schema: SchemaId,
}

/// The table that remembers the greatest row id that each table with AUTOINCREMENT has had.
pub const SEQUENCE_TABLE: &str = "sqlite_sequence";

impl Table {
    /// A table without columns yet.
    pub fn new(name: impl Into<Name>) -> Self {
        Table {
            name: name.into(),
            columns: Vec::new(),
            keys: SmallVec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            without_row_id: false,
            strict: false,
            autoincrement: false,
            schema: SchemaId::MAIN,
        }
    }

    /// The table that [`SEQUENCE_TABLE`] names.
    pub(crate) fn of_sequences(schema: SchemaId) -> Self {
        let table = Table::new(SEQUENCE_TABLE).within(schema);
        table.column(Column::declared("name", "")).column(Column::declared("seq", ""))
    }

    /// Adds a column, after those added before.
    #[must_use]
    pub fn column(mut self, mut column: Column) -> Self {
        for key in std::mem::take(&mut column.keys) {
            self.keys.insert(end_of_on_column(&self.keys), key);
        }
        for check in std::mem::take(&mut column.checks) {
            self.checks.insert(end_of_on_column(&self.checks), check);
        }
        for key in std::mem::take(&mut column.foreign_keys) {
            self.foreign_keys.insert(end_of_on_column(&self.foreign_keys), Arc::new(key));
        }
        self.columns.push(column);
        self
    }

    /// PRIMARY KEY over these columns.
    #[must_use]
    pub fn primary_key<N: Into<Name>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.key(KeyConstraint::over(true, names(columns)))
    }

    /// UNIQUE over these columns. A row with a NULL among them clashes with no other.
    #[must_use]
    pub fn unique<N: Into<Name>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        self.key(KeyConstraint::over(false, names(columns)))
    }

    /// A key, with all that can be said of one.
    #[must_use]
    pub fn key(mut self, key: KeyConstraint) -> Self {
        self.keys.push(key);
        self
    }

    /// WITHOUT ROWID: rows are named by their primary key alone and come in its order.
    #[must_use]
    pub fn without_row_id(mut self) -> Self {
        self.without_row_id = true;
        self
    }

    /// STRICT: a value that is not of its column's type, once converted, is refused, and the columns
    /// of the primary key are NOT NULL. Columns of the type ANY keep what comes.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Whether it is STRICT.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// AUTOINCREMENT: a row id is given once, and not again when its row is gone. Where no column is
    /// the row id it means nothing.
    #[must_use]
    pub fn autoincrement(mut self) -> Self {
        self.autoincrement = true;
        self
    }

    /// CHECK over the whole row: violated when the expression is false; NULL passes.
    #[must_use]
    pub fn check(self, expression: impl Into<Expression>) -> Self {
        self.add_check(Check::new(expression))
    }

    /// A check, with all that can be said of one.
    #[must_use]
    pub fn add_check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// CONSTRAINT name CHECK over the whole row. SQLite calls a check by its name where it has one.
    #[must_use]
    pub fn named_check(self, name: impl Into<Name>, expression: impl Into<Expression>) -> Self {
        self.add_check(Check::new(expression).named(name))
    }

    /// FOREIGN KEY; see [`ForeignKey::new`].
    #[must_use]
    pub fn foreign_key(mut self, key: ForeignKey) -> Self {
        self.foreign_keys.push(Arc::new(key));
        self
    }

    /// The same without the columns that its primary key repeats: each row of a table without row ids is
    /// found by it, in SQLite's order.
    pub(super) fn without_repeated_keys(mut self) -> Self {
        let collations: Vec<_> =
            self.columns.iter().map(|column| (column.name.clone(), column.collation)).collect();
        let own = |name: &str| {
            let found = collations.iter().find(|(known, _)| is_same(known, name));
            found.map_or(Collation::Binary, |(_, collation)| *collation)
        };
        let shortened = |key: KeyConstraint| match key.primary {
            true => key.without_repetitions(own),
            false => key,
        };
        self.keys = self.keys.into_iter().map(shortened).collect();
        self
    }

    /// The same definition under another name.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// TEMP: it stands before a table of the same name, and its foreign keys reference temporary
    /// tables alone.
    #[must_use]
    pub fn temporary(self) -> Self {
        self.within(SchemaId::TEMP)
    }

    /// The same definition in another schema than main.
    #[must_use]
    pub fn within(mut self, schema: SchemaId) -> Self {
        self.schema = schema;
        self
    }

    /// The schema that it is in.
    pub fn schema(&self) -> SchemaId {
        self.schema
    }

    /// The table's name, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// PRIMARY KEY and UNIQUE constraints, in the order that SQL would read them.
    pub fn keys(&self) -> &[KeyConstraint] {
        &self.keys
    }

    /// CHECK constraints, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Foreign keys, in the order that SQL would read them.
    pub fn foreign_keys(&self) -> impl DoubleEndedIterator<Item = &ForeignKey> + ExactSizeIterator {
        self.foreign_keys.iter().map(|key| &**key)
    }

    /// The position of a column. Case counts for nothing.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|candidate| is_same(&candidate.name, column))
    }

    /// The columns of the primary key; empty without one.
    pub fn primary_key_columns(&self) -> &[Name] {
        self.keys.iter().find(|key| key.primary).map_or(&[], |key| &key.columns)
    }

    /// The primary key, if there is one.
    pub fn primary_key_constraint(&self) -> Option<&KeyConstraint> {
        self.keys.iter().find(|key| key.primary)
    }

    /// Whether its rows have no row id.
    pub fn is_without_row_id(&self) -> bool {
        self.without_row_id
    }

    /// Whether a row id that was given is not given again.
    pub fn is_autoincrement(&self) -> bool {
        self.autoincrement && self.row_id_column().is_some()
    }

    /// The position of the column that is the row id: the only column of the primary key, declared
    /// INTEGER; not if DESC was written on the column itself, which SQLite once overlooked and has
    /// kept since.
    pub fn row_id_column(&self) -> Option<usize> {
        if self.without_row_id { None } else { self.integer_key_column() }
    }

    /// The only column of the primary key, if it is one that a row id can stand for.
    pub(super) fn integer_key_column(&self) -> Option<usize> {
        let key = self.primary_key_constraint()?;
        let [only] = key.columns() else { return None };
        if key.on_column && key.is_descending(0) {
            return None;
        }
        self.position(only).filter(|&position| self.columns[position].is_declared_integer())
    }
}

fn names<N: Into<Name>>(columns: impl IntoIterator<Item = N>) -> Names {
    columns.into_iter().map(Into::into).collect()
}

/// Constraints of a column stand before those of the table, wherever the builder was called.
trait OnColumn {
    fn is_on_column(&self) -> bool;
}

impl OnColumn for KeyConstraint {
    fn is_on_column(&self) -> bool {
        self.on_column
    }
}

impl OnColumn for Check {
    fn is_on_column(&self) -> bool {
        self.column.is_some()
    }
}

impl OnColumn for Arc<ForeignKey> {
    fn is_on_column(&self) -> bool {
        self.on_column
    }
}

/// Where those of the table begin.
fn end_of_on_column<C: OnColumn>(list: &[C]) -> usize {
    list.iter().take_while(|constraint| constraint.is_on_column()).count()
}
