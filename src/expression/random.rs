//! Numbers that look like chance: what `random` and `randomblob` give.
//!
//! One row of numbers serves the whole process. It begins anew with each, so that a program which asks
//! on one thread alone gets the same again; nobody should keep a secret with it.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0);

/// Any integer.
pub(super) fn integer() -> i64 {
    // SplitMix64: a counter whose steps are spread over all bits, then mixed.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = STATE.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as i64
}

/// So many bytes.
pub(super) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..length.div_ceil(8)).flat_map(|_| integer().to_le_bytes()).collect();
    bytes.truncate(length);
    bytes
}
