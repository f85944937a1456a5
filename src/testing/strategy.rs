//! Strategies that make schemas and scripts for proptest.
//!
//! Both are records of bytes behind the scenes (see [`decode`](super::decode)), which is what makes
//! them shrink: first whole tables and operations go, then each choice becomes a simpler one.

use super::decode::{
    OPERATION_BYTES, OPERATIONS_MAX, Script, TABLE_BYTES, TABLES_MAX, schema as decode_schema,
    script as decode_script,
};
use crate::catalog::Table;
use proptest::array::UniformArrayStrategy;
use proptest::collection::{SizeRange, VecStrategy, vec};
use proptest::num::u8::{ANY, Any};
use proptest::strategy::Strategy;

type Records<const N: usize> = VecStrategy<UniformArrayStrategy<Any, [u8; N]>>;

/// One to five tables that reference each other and themselves, over every action, deferral and
/// kind of key.
pub fn schema() -> impl Strategy<Value = Vec<Table>> {
    records::<TABLE_BYTES>(1..=TABLES_MAX).prop_map(|tables| decode_schema(&slices(&tables)))
}

/// A schema, and then up to this many operations on it: statements, transactions, savepoints,
/// switches, and changes of the schema.
pub fn script(operations: usize) -> impl Strategy<Value = Script> {
    let operations = operations.min(OPERATIONS_MAX);
    let records =
        (ANY, records::<TABLE_BYTES>(1..=TABLES_MAX), records::<OPERATION_BYTES>(0..=operations));
    records.prop_map(|(settings, tables, operations)| {
        decode_script(settings, &slices(&tables), &slices(&operations))
    })
}

fn records<const N: usize>(count: impl Into<SizeRange>) -> Records<N> {
    vec(UniformArrayStrategy::new(ANY), count)
}

fn slices<const N: usize>(records: &[[u8; N]]) -> Vec<&[u8]> {
    records.iter().map(<[u8; N]>::as_slice).collect()
}
