//! Where databases part over foreign keys, one field a difference, each read in one place.
//!
//! | field | read by |
//! |---|---|
//! | `order` | `executor`, when it lists the constraints that act on a row |
//! | `depth_limit` | `executor`, when it enters an action or a program |
//! | `set_default_recheck` | `executor`, after SET DEFAULT has run |
//! | `match_full` | `judge` |
//! | `deferral`, `restrict_defers` | `Settings::is_deferred`, `Settings::restricts` |
//! | `set_immediate` | `Database::set_defer_all` |
//! | `failed_commit`, `failed_statement` | `Database`, where a transaction ends and a statement fails |
//! | `definition_check` | `Database::create_table`, `Database::drop_table` |
//!
//! PostgreSQL's queue of actions (its `timing`, with the place of RESTRICT and of the checks in that
//! queue) and its order of rows by last write are another way to walk, not another value: they come
//! with that preset, in `executor`, which is the one place where frames are ordered.

use crate::error::{
    Error, InputError, NameError, NameKind, SchemaError, TransactionError, Violation, ViolationKind,
};
use crate::value::Value;

/// Which foreign key of a referenced row acts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionOrder {
    /// The one created last (SQLite).
    NewestFirst,
    /// The one created first (PostgreSQL).
    OldestFirst,
}

/// What is left of a transaction whose COMMIT was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailedCommit {
    /// It stays open, to be repaired or rolled back (SQLite).
    StaysOpen,
    /// Nothing: it is rolled back (PostgreSQL).
    RollsBack,
}

/// What a failed statement does to its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailedStatement {
    /// It undoes itself, and the transaction goes on (SQLite).
    UndoesItself,
    /// Nothing but a rollback may follow (PostgreSQL).
    AbortsTransaction,
}

/// Which constraints the defer-all switch defers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deferral {
    /// Every one (SQLite).
    All,
    /// Those declared DEFERRABLE (PostgreSQL).
    Deferrable,
}

/// What ending the defer-all switch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetImmediate {
    /// Nothing is checked before COMMIT (SQLite).
    ChecksNothing,
    /// What is outstanding is checked now, and the switch stays on if it does not hold
    /// (PostgreSQL).
    ChecksNow,
}

/// When a foreign key must find what it references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionCheck {
    /// At the first statement that needs it; a referenced table may be dropped (SQLite).
    AtUse,
    /// When it is defined; a referenced table may not be dropped (PostgreSQL).
    AtDefinition,
}

/// What the MATCH FULL words do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchFull {
    /// Nothing (SQLite).
    Ignored,
    /// A key that is partly NULL is a violation (PostgreSQL).
    Enforced,
}

/// One database's ways with foreign keys. [`Dialect::sqlite`] is what is promised; other mixes of
/// fields work, but no database is known to behave so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Which constraint acts first.
    pub order: ActionOrder,
    /// How many actions and programs may nest; `None` for no limit.
    pub depth_limit: Option<usize>,
    /// Whether SET DEFAULT is refused at once where no referenced row has the default, even if the
    /// constraint is deferred.
    pub set_default_recheck: bool,
    /// What MATCH FULL does.
    pub match_full: MatchFull,
    /// What the defer-all switch defers.
    pub deferral: Deferral,
    /// Whether the defer-all switch turns RESTRICT into NO ACTION.
    pub restrict_defers: bool,
    /// What ending the defer-all switch checks.
    pub set_immediate: SetImmediate,
    /// What a refused COMMIT leaves.
    pub failed_commit: FailedCommit,
    /// What a failed statement leaves.
    pub failed_statement: FailedStatement,
    /// When foreign keys are resolved.
    pub definition_check: DefinitionCheck,
}

impl Dialect {
    /// SQLite's behaviour.
    pub fn sqlite() -> Self {
        Dialect {
            order: ActionOrder::NewestFirst,
            depth_limit: Some(1000),
            set_default_recheck: false,
            match_full: MatchFull::Ignored,
            deferral: Deferral::All,
            restrict_defers: true,
            set_immediate: SetImmediate::ChecksNothing,
            failed_commit: FailedCommit::StaysOpen,
            failed_statement: FailedStatement::UndoesItself,
            definition_check: DefinitionCheck::AtUse,
        }
    }

    /// The same with another limit of nested actions; `None` for no limit.
    #[must_use]
    pub fn with_depth_limit(mut self, limit: Option<usize>) -> Self {
        self.depth_limit = limit;
        self
    }

    /// SQLite's own line for a violation.
    ///
    /// ```
    /// use ondelete::{Column, Database, Enforcement, Table, row};
    /// let mut db = Database::new(Enforcement::On);
    /// db.create_table(Table::new("node")
    ///     .column(Column::integer("id").primary_key())
    ///     .column(Column::integer("up").references_key("node")))?;
    /// let error = db.insert("node", row! { "id": 1, "up": 9 }).unwrap_err();
    /// let violation = error.violation().expect("a violation");
    /// assert_eq!(db.dialect().message(violation), "FOREIGN KEY constraint failed");
    /// # Ok::<(), ondelete::Error>(())
    /// ```
    pub fn message(&self, violation: &Violation) -> String {
        let columns = || {
            let qualified = |column: &String| format!("{}.{column}", violation.table());
            violation.columns().iter().map(qualified).collect::<Vec<_>>().join(", ")
        };
        match violation.kind {
            ViolationKind::ForeignKey | ViolationKind::Restrict => {
                "FOREIGN KEY constraint failed".to_owned()
            }
            ViolationKind::Unique if violation.columns().is_empty() => {
                format!("UNIQUE constraint failed: index '{}'", violation.constraint())
            }
            ViolationKind::Unique | ViolationKind::PrimaryKey | ViolationKind::RowId => {
                format!("UNIQUE constraint failed: {}", columns())
            }
            ViolationKind::NotNull => format!("NOT NULL constraint failed: {}", columns()),
            ViolationKind::Check => format!("CHECK constraint failed: {}", violation.constraint()),
            ViolationKind::Datatype => {
                let class = match violation.key.first() {
                    None | Some(Value::Null) => "NULL",
                    Some(Value::Integer(_)) => "INT",
                    Some(Value::Real(_)) => "REAL",
                    Some(Value::Text(_)) => "TEXT",
                    Some(Value::Blob(_)) => "BLOB",
                };
                let declared = violation.constraint();
                format!("cannot store {class} value in {declared} column {}", columns())
            }
        }
    }

    /// SQLite's own line for any error, where SQLite has one; else the first line of ours.
    pub fn error_message(&self, error: &Error) -> String {
        match error {
            Error::Violation(violation) => self.message(violation),
            Error::Schema(error) => schema_message(error),
            Error::Name(error) => name_message(error),
            Error::Input(error) if matches!(**error, InputError::NotAnInteger { .. }) => {
                "datatype mismatch".to_owned()
            }
            Error::Input(error) if matches!(**error, InputError::RowIdsExhausted { .. }) => {
                "database or disk is full".to_owned()
            }
            Error::Depth(_) => "too many levels of trigger recursion".to_owned(),
            Error::Aborted(message) => message.clone(),
            Error::Transaction(error) => transaction_message(*error),
            Error::Query(error) => error.sqlite_message(),
            Error::Sql(error) => error.sqlite_message(),
            Error::Input(_) => first_line(&error.to_string()),
        }
    }
}

fn transaction_message(error: TransactionError) -> String {
    match error {
        TransactionError::AlreadyOpen => {
            "cannot start a transaction within a transaction".to_owned()
        }
        TransactionError::NothingToCommit => "cannot commit - no transaction is active".to_owned(),
        TransactionError::NothingToRollBack => {
            "cannot rollback - no transaction is active".to_owned()
        }
        TransactionError::Open | TransactionError::Poisoned | TransactionError::Aborted => {
            first_line(&error.to_string())
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn schema_message(error: &SchemaError) -> String {
    match error {
        SchemaError::ForeignKeyMismatch { table, referenced, .. } => {
            format!("foreign key mismatch - \"{table}\" referencing \"{referenced}\"")
        }
        SchemaError::MissingReferencedTable { schema, referenced, .. } => {
            format!("no such table: {schema}.{referenced}")
        }
        SchemaError::ColumnCount { column: Some(column), referenced, .. } => format!(
            "foreign key on {column} should reference only one column of table {referenced}"
        ),
        SchemaError::ColumnCount { column: None, .. } => {
            "number of columns in foreign key does not match the number of columns in the \
             referenced table"
                .to_owned()
        }
        SchemaError::SecondPrimaryKey { table } => {
            format!("table \"{table}\" has more than one primary key")
        }
        SchemaError::NoPrimaryKey { table } => format!("PRIMARY KEY missing on table {table}"),
        SchemaError::Alter { message, .. } | SchemaError::Expression { message, .. } => {
            message.clone()
        }
        SchemaError::NoColumns { .. } => first_line(&error.to_string()),
    }
}

fn name_message(error: &NameError) -> String {
    let NameError { kind, name, exists, .. } = error;
    match (kind, exists) {
        (NameKind::Table, false) => match &error.within {
            Some(schema) => format!("no such table: {schema}.{name}"),
            None => format!("no such table: {name}"),
        },
        (NameKind::Table, true) => format!("table {name} already exists"),
        (NameKind::Column, false) => format!("no such column: {name}"),
        (NameKind::Column, true) => format!("duplicate column name: {name}"),
        (NameKind::ReferencingColumn, _) => {
            format!("unknown column \"{name}\" in foreign key definition")
        }
        (NameKind::Index, false) => format!("no such index: {name}"),
        (NameKind::Index, true) => format!("index {name} already exists"),
        (NameKind::Savepoint, _) => format!("no such savepoint: {name}"),
        (NameKind::Key, _) => {
            "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint".to_owned()
        }
        (NameKind::Program, _) => first_line(&error.to_string()),
    }
}
