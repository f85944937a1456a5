//! Memory: bytes for a row, and what is left of rows that have come and gone.

use super::cases::load;
use super::l1::Levels;
use super::ours::Ours;
use super::shapes::{Order, Shape, Text, random_key};
use super::{Cell, Kind, Sizes, Subject, Updates};
use ondelete::ReferentialAction::Cascade;

/// Bytes that are allocated now.
pub type Allocated<'a> = &'a dyn Fn() -> usize;

fn children(parents: i64, per_parent: i64) -> Shape {
    Shape::Pair { parents, per_parent, order: Order::Random, action: Cascade }
}

/// W11: a name, and the shape whose bytes per row are asked for.
pub fn shapes(sizes: Sizes) -> [(String, Shape); 2] {
    let rows = sizes.pick(1_000_000, 100_000, 20);
    let (ten, one) = (children(rows / 10, 10), children(1, rows));
    [
        (format!("w11_bytes/per_parent=10/rows={rows}"), ten),
        (format!("w11_bytes/one_parent/rows={rows}"), one),
    ]
}

/// Bytes per row of a loaded shape.
pub fn bytes_per_row(kind: Kind, shape: &Shape, allocated: Allocated<'_>) -> Option<f64> {
    let bytes = match kind {
        Kind::Ours => bytes_of(|| load::<Ours>(shape), allocated),
        Kind::L1 => bytes_of(|| load::<Levels>(shape), allocated),
        // Its memory is not Rust's, but it counts its pages.
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => load::<super::sqlite::Sqlite>(shape).bytes() as f64,
        #[cfg(not(feature = "sqlite"))]
        Kind::Sqlite => return None,
    };
    Some(bytes / shape.row_count() as f64)
}

fn bytes_of<T>(make: impl FnOnce() -> T, allocated: Allocated<'_>) -> f64 {
    let before = allocated();
    let made = make();
    let bytes = allocated() - before;
    drop(made);
    bytes as f64
}

/// Memory after many changes, as a multiple of that of a fresh copy with the same rows.
pub struct Drift {
    /// `memory/what/parameters`.
    pub name: String,
    /// The multiple.
    pub measure: fn(i64, Allocated<'_>) -> f64,
    /// How many changes.
    pub rounds: i64,
}

/// Rows inserted and deleted, and one row re-pointed.
pub fn drifts(sizes: Sizes) -> [Drift; 2] {
    let churn = sizes.pick(10_000_000, 100_000, 100);
    let re_point = sizes.pick(1_000_000, 100_000, 100);
    [
        Drift { name: format!("memory/churn/rounds={churn}"), measure: churned, rounds: churn },
        Drift {
            name: format!("memory/re_point/rounds={re_point}"),
            measure: re_pointed,
            rounds: re_point,
        },
    ]
}

const LIVE: i64 = 10_000;
const PARENTS: i64 = LIVE / 10;

fn child(subject: &mut Ours, id: i64, text: &mut Text) {
    let parent = Cell::Integer(random_key(51, id, PARENTS));
    subject.insert(1, &[Cell::Integer(id), parent, Cell::Text(text.name(id))]);
}

/// The parents, and the children of these keys.
fn with_children(ids: impl Iterator<Item = i64>) -> Ours {
    let mut subject = load::<Ours>(&children(PARENTS, 0));
    let mut text = Text::default();
    subject.begin();
    ids.for_each(|id| child(&mut subject, id, &mut text));
    subject.commit();
    subject
}

/// Each round inserts a row and deletes the oldest.
fn churned(rounds: i64, allocated: Allocated<'_>) -> f64 {
    let churn = || {
        let mut subject = with_children(1..=LIVE);
        let mut text = Text::default();
        for round in 1..=rounds {
            child(&mut subject, LIVE + round, &mut text);
            assert_eq!(subject.delete(1, Cell::Integer(round)), Some(1), "the oldest row is there");
        }
        subject
    };
    let fresh = || with_children(rounds + 1..=rounds + LIVE);
    bytes_of(churn, allocated) / bytes_of(fresh, allocated)
}

/// Each round gives one row another parent.
fn re_pointed(rounds: i64, allocated: Allocated<'_>) -> f64 {
    let re_point = || {
        let mut subject = with_children(1..=LIVE);
        for round in 1..=rounds {
            let parent = Cell::Integer(round % PARENTS + 1);
            subject.update(1, Cell::Integer(1), &[parent, Cell::Text("name-1")]);
        }
        subject
    };
    bytes_of(re_point, allocated) / bytes_of(|| with_children(1..=LIVE), allocated)
}
