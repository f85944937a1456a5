//! Values and expressions beside a real SQLite: storing, ordering, and evaluating SQL text.
//!
//! Everything is drawn from a seeded generator, so a difference found once is found again.
#![cfg(feature = "sqlite")]

use std::cmp::Ordering;

use ondelete::expression::{
    BindError, ColumnInfo, ColumnName, Columns, Expression, case, col, function, lit,
};
use ondelete::value::{Affinity, Collation, DataType, Value, canonical, compare, equals};
use rusqlite::Connection;

/// Xorshift: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 16) % end as u64) as usize
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

const INTEGERS: [i64; 24] = [
    0,
    1,
    -1,
    2,
    3,
    5,
    7,
    -8,
    10,
    16,
    100,
    1000,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    (1 << 51) - 1,
    1 << 51,
    1_000_000_000_000_000_000,
    1 << 47,
    -(1 << 47),
];

const REALS: [f64; 34] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1.5,
    -1.5,
    2.5,
    0.1,
    0.30000000000000004,
    3.0,
    1000.0,
    1e15,
    1e16,
    1e17,
    1e18,
    9.3e18,
    -9.3e18,
    9223372036854775807.0,
    -9223372036854775808.0,
    9223372036854774784.0,
    9007199254740992.0,
    2251799813685248.0,
    1e-5,
    1e-4,
    1e100,
    1e300,
    -1e300,
    1.7976931348623157e308,
    5e-324,
    2.2250738585072014e-308,
    49.47,
    123456789.12345679,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

const TEXTS: [&str; 84] = [
    "",
    " ",
    "  ",
    "a",
    "A",
    "a ",
    "A  ",
    " a",
    "abc",
    "ABC",
    "aBc ",
    "ab",
    "b",
    "_",
    "[",
    "Z",
    "z",
    "é",
    "É",
    "ée%",
    "%",
    "%b%",
    "a%",
    "_b_",
    "%a",
    "it's",
    "0",
    "1",
    "-1",
    "+1",
    " 5 ",
    "5",
    "5.0",
    "1.5",
    "01",
    "1e3",
    "1E3",
    "1e+3",
    "1e",
    "1e+",
    "1.",
    ".5",
    ".",
    "-",
    "+",
    "- 1",
    "--1",
    "0x10",
    "12abc",
    "1.5abc",
    "abc1",
    "1 2",
    "\t7\n",
    "7\u{b}\u{c}\r",
    "\u{a0}7",
    "-0",
    "-0.0",
    "1e18",
    "1e19",
    "1e400",
    "-1e400",
    "1e-400",
    "9e18",
    "inf",
    "nan",
    "NULL",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "9223372036854775807abc",
    "9223372036854775807.0",
    "9007199254740993",
    "9007199254740993.0",
    "2251799813685249",
    "3500000000000000.2500001",
    "123456789012345678901234567890",
    "0.1234567890123456789012345",
    "00000000000000000000001",
    "1e00000000000000000001",
    "12\0x",
    "a\0b",
    "A\0c",
    "\0",
];

const BLOBS: [&[u8]; 12] = [
    b"",
    b"a",
    b"A",
    b"abc",
    b"1",
    b" 5 ",
    b"1e3",
    b"12abc",
    b"\0",
    b"a\0b",
    b"%",
    b"9223372036854775808",
];

fn value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1..4 => random.pick(&INTEGERS).into(),
        4 => ((random.below(40) as i64) - 20).into(),
        5 => (random.next() as i64 >> random.below(64)).into(),
        6..8 => random.pick(&REALS).into(),
        8 => ((random.next() as i64 >> random.below(64)) as f64 / 8.0).into(),
        9 => everyday_real(random).into(),
        10..14 => random.pick(&TEXTS).into(),
        14 => number_text(random),
        _ => random.pick(&BLOBS).into(),
    }
}

/// A text without the last of 17 digits, which SQLite can have off by one in a very large or very
/// small real that an expression has made.
fn blunt(value: &Value) -> Option<String> {
    let text = value.cast(DataType::Text);
    let mut digits = 0;
    let keep = |letter: &char| {
        digits = if letter.is_ascii_digit() {
            digits + 1
        } else if *letter == '.' {
            digits
        } else {
            0
        };
        digits != 17
    };
    text.as_text().map(|text| text.chars().filter(keep).collect())
}

/// A real of any digits, between about 1e-9 and 1e16. Beyond that SQLite's own conversion to text,
/// which scales by the top 64 bits of a power of ten, can be off by one in the 17th digit; ours is
/// rounded correctly.
fn everyday_real(random: &mut Random) -> f64 {
    let exponent = 1023 - 30 + random.below(84) as u64;
    f64::from_bits(random.next() & !(0x7ff << 52) | exponent << 52)
}

/// Text that looks like a number, of any length.
fn number_text(random: &mut Random) -> Value {
    let mut text = String::new();
    if random.below(3) == 0 {
        text.push('-');
    }
    for _ in 0..random.below(13) {
        text.push(char::from(b'0' + random.below(10) as u8));
    }
    if random.below(2) == 0 {
        text.push('.');
        for _ in 0..random.below(24) {
            text.push(char::from(b'0' + random.below(10) as u8));
        }
    }
    if random.below(3) == 0 {
        text.push_str(&format!("e{}", random.below(8) as i64 - 3));
    }
    text.into()
}

const TYPES: [DataType; 6] = [
    DataType::Integer,
    DataType::Real,
    DataType::Text,
    DataType::Blob,
    DataType::Boolean,
    DataType::Any,
];

const COLLATIONS: [Collation; 3] = [Collation::Binary, Collation::NoCase, Collation::RTrim];

#[test]
fn stored_values_are_those_of_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    let columns: Vec<String> = TYPES
        .iter()
        .enumerate()
        .map(|(index, data_type)| format!("c{index} {data_type}"))
        .collect();
    sqlite.execute_batch(&format!("CREATE TABLE t ({})", columns.join(", "))).unwrap();
    let mut insert = sqlite.prepare("INSERT INTO t VALUES (?1, ?1, ?1, ?1, ?1, ?1)").unwrap();
    let mut select = sqlite.prepare("SELECT * FROM t").unwrap();
    let mut cast = sqlite
        .prepare(
            "SELECT CAST(?1 AS INTEGER), CAST(?1 AS REAL), CAST(?1 AS TEXT), CAST(?1 AS BLOB), \
             CAST(?1 AS BOOLEAN), quote(?1)",
        )
        .unwrap();
    let mut random = Random(0x5eed_0001);
    let mut all: Vec<Value> = INTEGERS.map(Value::from).to_vec();
    all.extend(REALS.map(Value::from));
    all.extend(TEXTS.map(Value::from));
    all.extend(BLOBS.map(Value::from));
    all.extend((0..60_000).map(|_| value(&mut random)));
    for value in all {
        sqlite.execute_batch("DELETE FROM t").unwrap();
        insert.execute([&value]).unwrap();
        select
            .query_row([], |row| {
                for (index, data_type) in TYPES.iter().enumerate() {
                    let theirs: Value = row.get(index)?;
                    let ours = data_type.affinity().apply(value.clone());
                    assert_eq!(ours, theirs, "{value:?} stored as {data_type:?}");
                }
                Ok(())
            })
            .unwrap();
        cast.query_row([&value], |row| {
            for (index, data_type) in TYPES[..5].iter().enumerate() {
                let theirs: Value = row.get(index)?;
                assert_eq!(value.cast(*data_type), theirs, "{value:?} cast to {data_type:?}");
            }
            let quoted = function("quote", [lit(value.clone())]).bind(&Table).unwrap();
            assert_eq!(quoted.evaluate(&[]), row.get(5)?, "quote {value:?}");
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn rounded_numbers_are_those_of_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    let mut statement = sqlite.prepare("SELECT round(?1, ?2)").unwrap();
    let mut random = Random(0x5eed_0005);
    for _ in 0..50_000 {
        let scale = random.pick(&[1.0, 8.0, 10.0, 1000.0, 1e5, 1e7, 1e12]);
        let number = Value::from((random.next() as i64 >> random.below(64)) as f64 / scale);
        let places = Value::from(random.below(33) as i64 - 1);
        let theirs = statement.query_row([&number, &places], |row| row.get(0)).unwrap();
        let rounded = function("round", [lit(number.clone()), lit(places.clone())]);
        let ours = rounded.bind(&Table).unwrap().evaluate(&[]);
        assert_eq!(ours, theirs, "round({number}, {places})");
    }
}

#[test]
fn literals_read_back_in_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    let mut random = Random(0x5eed_0002);
    for _ in 0..5_000 {
        let value = value(&mut random);
        let read = sqlite.query_row(&format!("SELECT {value}"), [], |row| row.get(0)).unwrap();
        assert_eq!(value, read, "{value}");
    }
}

#[test]
fn order_and_equality_are_those_of_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    sqlite.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)").unwrap();
    let mut random = Random(0x5eed_0003);
    let mut values: Vec<Value> = INTEGERS.map(Value::from).to_vec();
    values.extend(REALS.map(Value::from));
    values.extend(TEXTS.map(Value::from));
    values.extend(BLOBS.map(Value::from));
    values.extend((0..150).map(|_| value(&mut random)));
    for (index, value) in values.iter().enumerate() {
        sqlite.execute("INSERT INTO t VALUES (?1, ?2)", (index as i64, value)).unwrap();
    }
    for collation in COLLATIONS {
        let mut ours: Vec<usize> = (0..values.len()).collect();
        ours.sort_by(|a, b| compare(&values[*a], &values[*b], collation).then(a.cmp(b)));
        let sql = format!("SELECT id FROM t ORDER BY v COLLATE {collation}, id");
        let mut statement = sqlite.prepare(&sql).unwrap();
        let theirs: Vec<usize> = statement
            .query_map([], |row| row.get::<_, i64>(0))
            .unwrap()
            .map(|id| id.unwrap() as usize)
            .collect();
        assert_eq!(ours, theirs, "{collation}");
        let sql = format!(
            "SELECT x.id, y.id, x.v COLLATE {collation} = y.v, x.v COLLATE {collation} < y.v \
             FROM t x, t y"
        );
        let mut statement = sqlite.prepare(&sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let a = &values[row.get::<_, i64>(0).unwrap() as usize];
            let b = &values[row.get::<_, i64>(1).unwrap() as usize];
            let equal: Option<bool> = row.get(2).unwrap();
            assert_eq!(equals(a, b, collation), equal, "{a:?} = {b:?} {collation}");
            if let Some(equal) = equal {
                let same = canonical(a, collation) == canonical(b, collation);
                assert_eq!(same, equal, "canonical {a:?} {b:?} {collation}");
                let less = compare(a, b, collation) == Ordering::Less;
                assert_eq!(less, row.get::<_, bool>(3).unwrap(), "{a:?} < {b:?} {collation}");
            }
        }
    }
}

/// The columns of the table that expressions are evaluated over: name, type and collation.
const COLUMNS: [(&str, DataType, Collation); 9] = [
    ("i", DataType::Integer, Collation::Binary),
    ("r", DataType::Real, Collation::Binary),
    ("t", DataType::Text, Collation::Binary),
    ("t_nocase", DataType::Text, Collation::NoCase),
    ("t_rtrim", DataType::Text, Collation::RTrim),
    ("b", DataType::Blob, Collation::Binary),
    ("order", DataType::Boolean, Collation::NoCase),
    ("any", DataType::Any, Collation::Binary),
    ("any nocase", DataType::Any, Collation::NoCase),
];

struct Table;

impl Columns for Table {
    fn resolve(&self, name: &ColumnName) -> Result<ColumnInfo, BindError> {
        let is_meant = |column: &(&str, DataType, Collation)| {
            name.table().is_none() && column.0.eq_ignore_ascii_case(name.column())
        };
        let position = COLUMNS.iter().position(is_meant);
        let position = position.ok_or_else(|| BindError::UnknownColumn(name.clone()))?;
        let (_, data_type, collation) = COLUMNS[position];
        Ok(ColumnInfo::column(position, data_type.affinity(), collation))
    }
}

const SQL_TYPES: [DataType; 5] =
    [DataType::Integer, DataType::Real, DataType::Text, DataType::Blob, DataType::Boolean];

fn expression(random: &mut Random, depth: usize) -> Expression {
    if depth == 0 || random.below(8) == 0 {
        return if random.below(5) < 3 { col(random.pick(&COLUMNS).0) } else { lit(value(random)) };
    }
    let depth = depth - 1;
    let left = expression(random, depth);
    match random.below(34) {
        0..3 => left.eq(expression(random, depth)),
        3 => left.ne(expression(random, depth)),
        4 => left.lt(expression(random, depth)),
        5 => left.le(expression(random, depth)),
        6 => left.gt(expression(random, depth)),
        7 => left.ge(expression(random, depth)),
        8 => left.is(expression(random, depth)),
        9 => left.is_not(expression(random, depth)),
        10 => left.is_null(),
        11 => left.is_not_null(),
        12 => left.and(expression(random, depth)),
        13 => left.or(expression(random, depth)),
        14 => left.not(),
        15 => -left,
        16 => left + expression(random, depth),
        17 => left - expression(random, depth),
        18 => left * expression(random, depth),
        19 => left / expression(random, depth),
        20 => left % expression(random, depth),
        21 => left.concat(expression(random, depth)),
        22 => left.in_list(expressions(random, depth)),
        23 => left.not_in_list(expressions(random, depth)),
        24 => left.between(expression(random, depth), expression(random, depth)),
        25 => left.not_between(expression(random, depth), expression(random, depth)),
        26 => left.like(expression(random, depth)),
        27 => left.not_like(expression(random, depth)),
        28 => {
            let mut branches = vec![(left, expression(random, depth))];
            if random.below(2) == 0 {
                branches.push((expression(random, depth), expression(random, depth)));
            }
            let otherwise = (random.below(2) == 0).then(|| expression(random, depth));
            case(branches, otherwise)
        }
        29 => left.cast(random.pick(&SQL_TYPES)),
        30 | 31 => left.collate(random.pick(&COLLATIONS)),
        _ => call(random, left, depth),
    }
}

fn expressions(random: &mut Random, depth: usize) -> Vec<Expression> {
    (0..random.below(5)).map(|_| expression(random, depth)).collect()
}

fn call(random: &mut Random, first: Expression, depth: usize) -> Expression {
    let (name, least, most) = random.pick(&[
        ("coalesce", 2, 4),
        ("hex", 1, 1),
        ("ifnull", 2, 2),
        ("iif", 2, 5),
        ("instr", 2, 2),
        ("length", 1, 1),
        ("lower", 1, 1),
        ("ltrim", 1, 2),
        ("max", 2, 4),
        ("min", 2, 4),
        ("nullif", 2, 2),
        ("quote", 1, 1),
        ("replace", 3, 3),
        ("round", 1, 2),
        ("rtrim", 1, 2),
        ("substr", 2, 3),
        ("trim", 1, 2),
        ("typeof", 1, 1),
        ("upper", 1, 1),
        ("abs", 1, 1),
    ]);
    let mut arguments = vec![first];
    let count = least + random.below(most - least + 1);
    while arguments.len() < count {
        arguments.push(match name {
            "round" | "substr" if random.below(4) > 0 => lit(random.below(12) as i64 - 4),
            _ => expression(random, depth),
        });
    }
    function(name, arguments)
}

#[test]
fn expressions_are_evaluated_as_by_sqlite() {
    const ROWS: usize = 6;
    let sqlite = Connection::open_in_memory().unwrap();
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, data_type, collation)| format!("\"{name}\" {data_type} COLLATE {collation}"))
        .collect();
    sqlite.execute_batch(&format!("CREATE TABLE t ({})", columns.join(", "))).unwrap();
    let mut random = Random(0x5eed_0004);
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut blunted = 0;
    let mut compared = 0;
    for round in 0..60_000 {
        if round % 50 == 0 {
            rows = fill(&sqlite, &mut random, ROWS);
        }
        let depth = 1 + random.below(4);
        let expression = expression(&mut random, depth);
        let text = expression.to_string();
        let bound = expression.bind(&Table).unwrap();
        let mut statement = match sqlite.prepare(&format!("SELECT {text} FROM t ORDER BY rowid")) {
            Ok(statement) => statement,
            Err(error) => panic!("{text}: {error}"),
        };
        let mut theirs = statement.query([]).unwrap();
        for row in &rows {
            let value = match theirs.next() {
                Ok(Some(theirs)) => theirs.get(0).unwrap(),
                Ok(None) => panic!("{text}: too few rows"),
                // The one error there is: abs() of the least integer.
                Err(error) => {
                    assert!(error.to_string().contains("integer overflow"), "{text}: {error}");
                    break;
                }
            };
            let ours = bound.evaluate(row);
            if ours != value && blunt(&ours) == blunt(&value) {
                blunted += 1;
                continue;
            }
            assert_eq!(ours, value, "expression {round}: {text}\nover {row:?}");
            assert_eq!(bound.truth(row), value.truth(), "truth of {text}\nover {row:?}");
            compared += 1;
        }
    }
    assert!(compared > 50_000 * ROWS, "compared only {compared}");
    assert!(blunted < compared / 10_000, "{blunted} differ in a 17th digit");
}

/// New rows in the table, and the same rows as SQLite gives them back.
fn fill(sqlite: &Connection, random: &mut Random, count: usize) -> Vec<Vec<Value>> {
    sqlite.execute_batch("DELETE FROM t").expect("the table is there");
    let mut insert = sqlite
        .prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .expect("the table has nine columns");
    let mut rows = Vec::new();
    for _ in 0..count {
        let written: Vec<Value> = COLUMNS.iter().map(|_| value(random)).collect();
        insert.execute(rusqlite::params_from_iter(&written)).expect("the columns take any value");
        let stored = |(column, value): (&(_, DataType, _), Value)| column.1.affinity().apply(value);
        rows.push(COLUMNS.iter().zip(written).map(stored).collect());
    }
    rows
}

#[test]
fn affinities_are_those_of_the_types() {
    assert_eq!(DataType::Boolean.affinity(), Affinity::Numeric);
    assert_eq!(DataType::Any.affinity(), Affinity::Blob);
}
