//! One operation on one subject each, with what comes before and after it.

use super::shapes::{Shape, Text, item_code, random_key};
use super::{Case, Cell, Forks, Ran, Reads, Subject, Updates};

/// A subject that holds a shape's rows.
pub fn load<S: Subject>(shape: &Shape) -> S {
    let mut subject = S::new(&S::plan(&shape.schema()));
    fill(&mut subject, shape);
    subject
}

fn fill<S: Subject>(subject: &mut S, shape: &Shape) {
    subject.begin();
    shape.rows(&mut |table, row| subject.insert(table, row));
    subject.commit();
}

/// The same, in an open transaction. Each run has a savepoint of its own: SQLite's rollback plays
/// back all pages since the savepoint was made, however many rollbacks ago that was.
fn load_and_begin<S: Subject>(shape: &Shape) -> S {
    let mut subject = load::<S>(shape);
    subject.begin();
    subject
}

/// Back to the savepoint, and to none.
fn undo<S: Subject>(subject: &mut S) {
    subject.roll_back();
    subject.release();
}

/// Keys, some at a time, starting over at the end.
struct Round {
    keys: Vec<i64>,
    at: usize,
    per_run: usize,
}

impl Round {
    fn new(keys: Vec<i64>, per_run: usize) -> Self {
        assert!(keys.len() >= per_run, "a run takes each key at most once");
        Round { keys, at: 0, per_run }
    }

    fn next(&mut self) -> &[i64] {
        if self.at + self.per_run > self.keys.len() {
            self.at = 0;
        }
        self.at += self.per_run;
        &self.keys[self.at - self.per_run..self.at]
    }
}

/// Different keys of `1..=count`, scattered.
fn scattered_keys(count: i64, wanted: i64) -> Vec<i64> {
    // A prime that divides no count in use: every key comes once before one comes again.
    const STRIDE: i64 = 611_953;
    (0..wanted.min(count)).map(|at| at * STRIDE % count + 1).collect()
}

// ------------------------------------------------------------------------------------------------
// Deletes
// ------------------------------------------------------------------------------------------------

/// Deletes rows of the first table, each by a statement, and all that follows. Per affected row.
pub struct Deletes<S> {
    subject: S,
    table: usize,
    keys: Round,
}

impl<S: Subject> Deletes<S> {
    /// `per_run` roots at a time.
    pub fn new(shape: &Shape, per_run: usize) -> Self {
        let keys = Round::new(shape.roots(), per_run);
        Deletes { subject: load_and_begin(shape), table: 0, keys }
    }

    /// Rows of the second table, which nothing references, up to this many and scattered.
    pub fn leaves(shape: &Shape, rows: i64, per_run: usize) -> Self {
        let keys = Round::new(scattered_keys(rows, 100 * per_run as i64), per_run);
        Deletes { subject: load_and_begin(shape), table: 1, keys }
    }
}

impl<S: Subject> Case for Deletes<S> {
    fn prepare(&mut self) {
        self.subject.mark();
    }

    fn run(&mut self) -> Ran {
        let Deletes { subject, table, keys } = self;
        let delete = |key: &i64| subject.delete(*table, Cell::Integer(*key)).expect("no refusal");
        let affected = keys.next().iter().map(delete).sum();
        Ran { units: affected, check: affected }
    }

    fn restore(&mut self) {
        undo(&mut self.subject);
    }
}

/// A delete that is refused, and so changes nothing.
pub struct Refuses<S> {
    subject: S,
    units: u64,
}

impl<S: Subject> Refuses<S> {
    /// Counts as this many units.
    pub fn new(shape: &Shape, units: u64) -> Self {
        Refuses { subject: load_and_begin(shape), units }
    }
}

impl<S: Subject> Case for Refuses<S> {
    fn run(&mut self) -> Ran {
        let affected = self.subject.delete(0, Cell::Integer(1));
        assert_eq!(affected, None, "the delete must be refused");
        Ran { units: self.units, check: 0 }
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

/// On a fresh database: a delete with its commit, and the statement after it, so that what the
/// delete put off is paid. Per affected row.
pub struct Settles<S: Subject> {
    shape: Shape,
    plan: S::Plan,
    subject: Option<S>,
}

impl<S: Subject> Settles<S> {
    /// Deletes the first root.
    pub fn new(shape: &Shape) -> Self {
        Settles { shape: *shape, plan: S::plan(&shape.schema()), subject: None }
    }
}

impl<S: Subject> Case for Settles<S> {
    fn prepare(&mut self) {
        let mut subject = S::new(&self.plan);
        fill(&mut subject, &self.shape);
        self.subject = Some(subject);
    }

    fn run(&mut self) -> Ran {
        let subject = self.subject.as_mut().expect("the case is prepared");
        subject.begin();
        let affected = subject.delete(0, Cell::Integer(1)).expect("no refusal");
        subject.commit();
        subject.begin();
        subject.insert(0, &[Cell::Integer(1), Cell::Text("again")]);
        let id = i64::MAX / 2;
        subject.insert(1, &[Cell::Integer(id), Cell::Integer(1), Cell::Text("again")]);
        subject.commit();
        Ran { units: affected, check: affected }
    }

    fn restore(&mut self) {
        self.subject = None;
    }
}

// ------------------------------------------------------------------------------------------------
// Back to the start
// ------------------------------------------------------------------------------------------------

/// Ten items touched, and the rollback of that. Per rollback.
pub struct Resets<S> {
    subject: S,
    rows: i64,
    turn: i64,
    deleted: u64,
}

impl<S: Updates> Resets<S> {
    /// A shape of this many items.
    pub fn new(rows: i64) -> Self {
        let subject = load_and_begin(&Shape::Items { rows });
        Resets { subject, rows, turn: 0, deleted: 0 }
    }

    /// Four updated, three deleted, three inserted.
    fn touch(&mut self) {
        let parents = (self.rows / 10).max(1);
        let first = random_key(31, self.turn, self.rows);
        let code = |at: i64| item_code((first + at * (self.rows / 7)) % self.rows);
        for at in 0..4 {
            let parent = Cell::Integer(random_key(32, self.turn + at, parents));
            self.subject.update(1, Cell::Text(&code(at)), &[parent, Cell::Text("updated")]);
        }
        self.deleted = 0;
        for at in 4..7 {
            let deleted = self.subject.delete(1, Cell::Text(&code(at)));
            self.deleted += deleted.expect("nothing references an item");
        }
        for at in 0..3 {
            let (code, parent) = (item_code(self.rows + at), random_key(33, at, parents));
            let row = [Cell::Text(&code), Cell::Integer(parent), Cell::Text("inserted")];
            self.subject.insert(1, &row);
        }
    }
}

impl<S: Updates> Case for Resets<S> {
    fn prepare(&mut self) {
        self.turn += 1;
        self.subject.mark();
        self.touch();
    }

    fn run(&mut self) -> Ran {
        self.subject.roll_back();
        Ran { units: 1, check: self.deleted }
    }

    fn restore(&mut self) {
        self.subject.release();
    }
}

/// A fork, ten inserts into it, and its end. Per fork.
pub struct ForksAndInserts<S> {
    subject: S,
    new: Vec<(String, i64)>,
}

impl<S: Forks> ForksAndInserts<S> {
    /// A shape of this many items.
    pub fn new(rows: i64) -> Self {
        let parents = (rows / 10).max(1);
        let item = |at| (item_code(rows + at), random_key(34, at, parents));
        let new = (0..10).map(item).collect();
        ForksAndInserts { subject: load(&Shape::Items { rows }), new }
    }
}

impl<S: Forks> Case for ForksAndInserts<S> {
    fn run(&mut self) -> Ran {
        let mut fork = self.subject.fork();
        for (code, parent) in &self.new {
            fork.insert(1, &[Cell::Text(code), Cell::Integer(*parent), Cell::Text("forked")]);
        }
        Ran { units: 1, check: 0 }
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

// ------------------------------------------------------------------------------------------------
// Single rows
// ------------------------------------------------------------------------------------------------

/// Rows that are told one after the other, their texts made beforehand.
struct Rows(Vec<(usize, i64, Option<i64>, String)>);

impl Rows {
    fn insert<S: Subject>(&self, subject: &mut S) {
        for (table, id, up, name) in &self.0 {
            let up = up.map_or(Cell::Null, Cell::Integer);
            subject.insert(*table, &[Cell::Integer(*id), up, Cell::Text(name)]);
        }
    }
}

/// Inserts children, one statement each, into a database that has only their parents. Per row.
pub struct Inserts<S: Subject> {
    plan: S::Plan,
    parents: Shape,
    children: Rows,
    subject: Option<S>,
}

impl<S: Subject> Inserts<S> {
    /// Ten children to a parent, by chance.
    pub fn new(shape: &Shape) -> Self {
        let Shape::Pair { parents, per_parent, order, action } = *shape else {
            panic!("{shape:?} has no parents and children");
        };
        let mut children = Vec::new();
        shape.rows(&mut |table, row| {
            if table == 1 {
                let (id, up) = (row[0].integer(), row[1].integer());
                children.push((table, id.expect("a key"), up, row[2].text().to_owned()));
            }
        });
        assert_eq!(children.len() as i64, parents * per_parent, "one row for each child");
        let parents = Shape::Pair { parents, per_parent: 0, order, action };
        let plan = S::plan(&shape.schema());
        Inserts { plan, parents, children: Rows(children), subject: None }
    }
}

impl<S: Subject> Case for Inserts<S> {
    fn prepare(&mut self) {
        let mut subject = S::new(&self.plan);
        fill(&mut subject, &self.parents);
        subject.begin();
        self.subject = Some(subject);
    }

    fn run(&mut self) -> Ran {
        let subject = self.subject.as_mut().expect("the case is prepared");
        self.children.insert(subject);
        Ran { units: self.children.0.len() as u64, check: 0 }
    }

    fn restore(&mut self) {
        self.subject = None;
    }
}

/// Looks children up by primary key and reads them. Per lookup.
pub struct LooksUp<S> {
    subject: S,
    keys: Round,
}

impl<S: Reads> LooksUp<S> {
    /// Random keys of the second table, of which there are so many.
    pub fn new(shape: &Shape, rows: i64, per_run: usize) -> Self {
        let keys = (0..100 * per_run as i64).map(|at| random_key(41, at, rows)).collect();
        LooksUp { subject: load_and_begin(shape), keys: Round::new(keys, per_run) }
    }
}

impl<S: Reads> Case for LooksUp<S> {
    fn run(&mut self) -> Ran {
        let LooksUp { subject, keys } = self;
        let keys = keys.next();
        let read = keys.iter().map(|key| subject.get(1, *key)).sum();
        Ran { units: keys.len() as u64, check: read }
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

/// Finds a parent's children. Per child.
pub struct FindsChildren<S> {
    subject: S,
    keys: Round,
}

impl<S: Reads> FindsChildren<S> {
    /// Random keys of the first table, of which there are so many.
    pub fn new(shape: &Shape, parents: i64, per_run: usize) -> Self {
        let keys = (0..100 * per_run as i64).map(|at| random_key(42, at, parents)).collect();
        FindsChildren { subject: load_and_begin(shape), keys: Round::new(keys, per_run) }
    }
}

impl<S: Reads> Case for FindsChildren<S> {
    fn run(&mut self) -> Ran {
        let FindsChildren { subject, keys } = self;
        let add = |(count, sum): (u64, u64), key: &i64| {
            let (found, ids) = subject.referencing(1, *key);
            (count + found, sum + ids)
        };
        let (units, check) = keys.next().iter().fold((0, 0), add);
        Ran { units, check }
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

// ------------------------------------------------------------------------------------------------
// All of a unit test
// ------------------------------------------------------------------------------------------------

/// A new database with its tables and rows, one delete, and its end. Per test.
pub struct UnitTests<S: Subject> {
    plan: S::Plan,
    rows: Rows,
}

impl<S: Subject> UnitTests<S> {
    /// A chain of tables with five rows each.
    pub fn new(shape: &Shape) -> Self {
        let mut rows = Vec::new();
        let mut text = Text::default();
        shape.rows(&mut |table, row| {
            let id = row[0].integer().expect("a key");
            rows.push((table, id, row[1].integer(), text.name(id).to_owned()));
        });
        UnitTests { plan: S::plan(&shape.schema()), rows: Rows(rows) }
    }
}

impl<S: Subject> Case for UnitTests<S> {
    fn run(&mut self) -> Ran {
        let mut subject = S::new(&self.plan);
        subject.begin();
        self.rows.insert(&mut subject);
        let affected = subject.delete(0, Cell::Integer(1)).expect("no refusal");
        subject.commit();
        Ran { units: 1, check: affected }
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}
