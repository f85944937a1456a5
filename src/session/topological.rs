//! Sorting what depends on each other, and finding what goes round in a circle.
//!
//! Items are numbered `0..n`; an edge `(a, b)` says that `a` comes before `b`. The order among items
//! that do not depend on each other is that of their listing, so the same input gives the same
//! output. Nothing recurses: a chain of a hundred thousand items is sorted on a small stack.

use super::ordered::OrderedSet;

/// Items that depend on each other in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circular;

/// Splits `items` into subsets, each of which depends only on those before it. Edges with an end
/// that is not listed do not count.
///
/// # Cost
/// O(n + e) for n items and e edges.
///
/// # Errors
/// [`Circular`], with the subsets that could be formed until then.
pub fn sort_as_subsets(
    edges: &[(usize, usize)],
    items: &[usize],
    node_count: usize,
) -> (Vec<Vec<usize>>, Option<Circular>) {
    let mut position = vec![usize::MAX; node_count];
    for (at, &item) in items.iter().enumerate() {
        position[item] = at;
    }
    let listed = |node: usize| position[node] != usize::MAX;
    let mut waits_for = vec![0usize; node_count];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); node_count];
    for &(before, after) in edges {
        if listed(before) && listed(after) {
            waits_for[after] += 1;
            followers[before].push(after);
        }
    }
    let mut subsets = Vec::new();
    let mut ready: Vec<usize> = items.iter().copied().filter(|&i| waits_for[i] == 0).collect();
    let mut sorted = 0;
    while !ready.is_empty() {
        let mut next = Vec::new();
        for &item in &ready {
            for &follower in &followers[item] {
                waits_for[follower] -= 1;
                if waits_for[follower] == 0 {
                    next.push(follower);
                }
            }
        }
        sorted += ready.len();
        subsets.push(std::mem::take(&mut ready));
        next.sort_unstable_by_key(|&item| position[item]);
        ready = next;
    }
    let circular = (sorted < items.len()).then_some(Circular);
    (subsets, circular)
}

/// All nodes that lie on a circle, as far as one walk from each finds them.
///
/// The walk is depth first with what was seen set aside, so it can miss a circle that crosses
/// another; that is how the reference splits its actions, and therefore ours.
pub fn find_cycles(edges: &[(usize, usize)], node_count: usize) -> OrderedSet<usize> {
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); node_count];
    let mut starts: OrderedSet<usize> = OrderedSet::default();
    for &(before, after) in edges {
        starts.insert(before);
        followers[before].push(after);
    }
    let mut cycles = OrderedSet::default();
    for &start in starts.iter() {
        walk(start, &starts, &followers, &mut cycles);
    }
    cycles
}

fn walk(
    start: usize,
    starts: &OrderedSet<usize>,
    followers: &[Vec<usize>],
    cycles: &mut OrderedSet<usize>,
) {
    let mut todo = vec![false; followers.len()];
    for &node in starts.iter() {
        todo[node] = node != start;
    }
    let mut stack = vec![start];
    while let Some(&top) = stack.last() {
        let mut stepped = false;
        for &node in &followers[top] {
            if let Some(at) = stack.iter().position(|&on_stack| on_stack == node) {
                for &member in &stack[at..] {
                    todo[member] = false;
                    cycles.insert(member);
                }
            }
            if todo[node] {
                todo[node] = false;
                stack.push(node);
                stepped = true;
                break;
            }
        }
        if !stepped {
            stack.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_keep_the_order_of_listing() {
        let (subsets, circular) = sort_as_subsets(&[(0, 2), (1, 3)], &[1, 0, 3, 2], 4);
        assert_eq!(subsets, [vec![1, 0], vec![3, 2]]);
        assert_eq!(circular, None);
    }

    #[test]
    fn a_circle_is_told() {
        let (subsets, circular) = sort_as_subsets(&[(0, 1), (1, 2), (2, 1)], &[0, 1, 2], 3);
        assert_eq!(subsets, [vec![0]]);
        assert_eq!(circular, Some(Circular));
    }

    #[test]
    fn the_members_of_a_circle_are_found() {
        let cycles = find_cycles(&[(0, 1), (1, 2), (2, 1), (3, 3)], 4);
        assert_eq!(cycles.to_vec(), [1, 2, 3]);
    }
}
