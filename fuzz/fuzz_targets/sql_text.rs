//! Any text is SQL or is refused: no panic, no hang, and the indexes agree with the rows afterwards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ondelete::sql::{Connection, is_complete, split_statement};
use ondelete::{Database, Enforcement};

fuzz_target!(|text: &str| {
    let _ = is_complete(text);
    let mut connection = Connection::new(Database::new(Enforcement::On));
    let mut rest = text;
    while let Some((statement, behind)) = split_statement(rest) {
        // A statement that is refused changes nothing, and the next one has its turn.
        let _ = connection.execute(statement, &[]);
        rest = behind;
    }
    assert_eq!(connection.database().verify(), Vec::<String>::new());
});
