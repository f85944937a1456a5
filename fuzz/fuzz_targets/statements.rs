//! Any bytes are a script of typed operations: the engine must do what the naive reference does, and
//! its indexes must agree with its rows after each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ondelete::testing::{compare_with_reference, decode};

fuzz_target!(|data: &[u8]| {
    let script = decode::operations(data);
    if let Err(difference) = compare_with_reference(&script) {
        panic!("{difference}\n{script:?}");
    }
});
