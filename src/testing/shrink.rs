//! A script that shows something, made as short as leaving out steps can make it.

/// Leaves out steps, ever smaller runs of them, as long as the same is shown. `replay` carries steps
/// out and says how many of them it took, and what they showed.
///
/// # Cost
/// **O(n² log n)** steps for n at the start, at worst.
pub(super) fn shrink<S: Clone, F>(
    mut steps: Vec<S>,
    mut found: F,
    replay: impl Fn(&[S]) -> Option<(usize, F)>,
    is_same: impl Fn(&F, &F) -> bool,
) -> (Vec<S>, F) {
    let mut width = steps.len() / 2;
    loop {
        let mut at = 0;
        let mut shrunk = false;
        while width > 0 && at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + width).min(steps.len()));
            match replay(&fewer) {
                Some((length, shown)) if is_same(&shown, &found) => {
                    fewer.truncate(length);
                    steps = fewer;
                    found = shown;
                    shrunk = true;
                }
                _ => at += width,
            }
        }
        if width <= 1 && !shrunk {
            return (steps, found);
        }
        if !shrunk || width > steps.len() {
            width = (width / 2).max(1);
        }
    }
}
