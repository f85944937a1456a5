//! The command `ondelete`.
fn main() {}
