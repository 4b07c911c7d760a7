//! Colours of the columns of a Jacobian and of the unknowns of a Hessian.

use super::sets::Set;
use crate::model::Pattern;

/// Groups the columns so that no row has two columns of one group
/// (Curtis, Powell, Reid 1974; greedy, densest column first). Returns the
/// group of each column and the number of groups. A column without entries
/// joins group 0.
pub(crate) fn color(pattern: &Pattern) -> (Vec<usize>, usize) {
    let mut rows_of = vec![Vec::new(); pattern.columns()];
    for i in 0..pattern.rows() {
        for &column in pattern.row(i).0 {
            rows_of[column].push(i);
        }
    }
    let mut order: Vec<usize> = (0..pattern.columns()).collect();
    order.sort_by_key(|&column| std::cmp::Reverse(rows_of[column].len()));
    let rows: Vec<Set> = (0..pattern.rows())
        .map(|i| Set::from_increasing(pattern.row(i).0, pattern.columns()))
        .collect();
    let mut color = vec![usize::MAX; pattern.columns()];
    let mut last_user = vec![usize::MAX; pattern.columns() + 1];
    let mut count = 0;
    for column in order {
        let mut mark = |other: usize| {
            if color[other] != usize::MAX {
                last_user[color[other]] = column;
            }
        };
        // Long rows are bits: joined before they are gone through, so that a
        // dense pattern takes its cube by words and not by entries.
        let mut met = Set::default();
        for &i in &rows_of[column] {
            match &rows[i] {
                Set::Few(_) => rows[i].each(&mut mark),
                Set::Many(_) => met.join(&rows[i], pattern.columns()),
            }
        }
        met.each(mark);
        let free = last_user.iter().position(|&user| user != column);
        color[column] = free.unwrap_or(0);
        count = count.max(color[column] + 1);
    }
    (color, count)
}

/// A star colouring of the graph of a symmetric pattern: neighbours differ, and
/// no path of four vertices has two colours only. One product of the matrix with
/// each colour's sum of unit vectors then gives every entry (i, j), as what row
/// i sees of j's colour or what row j sees of i's (Coleman and Moré 1984;
/// Gebremedhin, Tarafdar, Manne, Pothen 2007; greedy, most neighbours first).
#[derive(Debug)]
pub(crate) struct Star<'a> {
    pattern: &'a Pattern,
    /// Colour of each column, `usize::MAX` where it has none yet.
    pub(crate) color: Vec<usize>,
    pub(crate) count: usize,
}

impl<'a> Star<'a> {
    /// The better of two greedy ones. Variables from `states` on, the
    /// parameters, have neighbours in common with most others: two of them that
    /// share a colour leave none to share for all that meet both, so they have
    /// one each where that takes fewer.
    pub(crate) fn new(pattern: &'a Pattern, states: usize) -> Self {
        let shared = Self::greedy(pattern, pattern.rows());
        let apart = Self::greedy(pattern, states);
        if apart.count < shared.count {
            apart
        } else {
            shared
        }
    }

    /// Variables from `apart` on that meet any have a colour of their own.
    fn greedy(pattern: &'a Pattern, apart: usize) -> Self {
        let mut star = Self {
            pattern,
            color: vec![usize::MAX; pattern.rows()],
            count: 0,
        };
        // The last variable for which each colour was a neighbour's.
        let mut met = vec![usize::MAX; pattern.rows()];
        let mut order: Vec<usize> = (0..pattern.rows()).collect();
        order.sort_by_key(|&v| std::cmp::Reverse(pattern.row(v).0.len()));
        for v in order {
            let own = v >= apart && !pattern.row(v).0.is_empty();
            for color in star.neighbours(v).map(|w| star.color[w]) {
                if color != usize::MAX {
                    met[color] = v;
                }
            }
            let free = (0..star.count).find(|&c| !own && met[c] != v && star.may_have(v, c));
            star.color[v] = free.unwrap_or(star.count);
            star.count = star.count.max(star.color[v] + 1);
        }
        star
    }

    fn neighbours(&self, v: usize) -> impl Iterator<Item = usize> + Clone + use<'a> {
        let row = self.pattern.row(v).0.iter();
        row.copied().filter(move |&w| w != v)
    }

    /// Whether some neighbour of `v` but `other` has the colour.
    fn sees(&self, v: usize, color: usize, other: usize) -> bool {
        let mut seen = self.neighbours(v).filter(|&w| w != other);
        seen.any(|w| self.color[w] == color)
    }

    /// Whether `v` may have a colour, which no neighbour has, beside those that
    /// others have already.
    fn may_have(&self, v: usize, color: usize) -> bool {
        let colored = |w: &usize| self.color[*w] != usize::MAX;
        self.neighbours(v).filter(colored).all(|w| {
            // Of v, w and an x of v's colour none may go on in w's colour,
            // at either end.
            let shared = self.sees(v, self.color[w], w);
            self.neighbours(w)
                .filter(|&x| x != v && self.color[x] == color)
                .all(|x| !shared && !self.sees(x, self.color[w], w))
        })
    }

    /// Calls `see(i, j, row, colour)` for the entries (i, j) with j ≤ i: each is to
    /// be read from the row, i or j, at the colour of the other.
    pub(crate) fn each_place(&self, mut see: impl FnMut(usize, usize, usize, usize)) {
        // How many neighbours of the row at hand have each colour.
        let mut neighbours = vec![0_u32; self.count];
        for i in 0..self.pattern.rows() {
            for w in self.neighbours(i) {
                neighbours[self.color[w]] += 1;
            }
            for &j in self.pattern.row(i).0.iter().filter(|&&j| j <= i) {
                // The entry's own neighbour is one.
                if i == j || neighbours[self.color[j]] == 1 {
                    see(i, j, i, self.color[j]);
                } else {
                    see(i, j, j, self.color[i]);
                }
            }
            for w in self.neighbours(i) {
                neighbours[self.color[w]] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_never_share_a_row_and_a_band_needs_its_width() {
        let d = 12;
        let band = Pattern::from_rows(
            d,
            (0..d).map(|i| vec![i, (i + 1) % d, (i + d - 1) % d, (i + d - 2) % d]),
        );
        let (color, count) = color(&band);
        for i in 0..d {
            let mut seen: Vec<_> = band.row(i).0.iter().map(|&c| color[c]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 4);
        }
        assert_eq!(count, 4);
    }

    /// Random graphs, a ring, and a hub: every entry, a distinct number each, is
    /// read back from the products.
    #[test]
    fn star_colors_give_every_entry_of_a_symmetric_matrix() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for case in 0..200 {
            let n = 2 + case % 23;
            let mut rows = vec![Vec::new(); n];
            for a in 0..n {
                for b in 0..=a {
                    let ring = a - b <= 2 || a - b >= n - 2;
                    let hub = a % 4 == b % 4 || b < 2;
                    if [ring, hub, random() % 4 == 0, random() % 2 == 0][case % 4] {
                        rows[a].push(b);
                        rows[b].push(a);
                    }
                }
            }
            let pattern = Pattern::from_rows(n, rows);
            let entry = |a: usize, b: usize| (1 + a.max(b) * n + a.min(b)) as f64;
            for apart in [0, n / 2, n] {
                let star = Star::greedy(&pattern, apart);
                let mut count = 0;
                star.each_place(|a, b, row, color| {
                    let columns = pattern.row(row).0.iter();
                    let seen = columns.filter(|&&c| star.color[c] == color);
                    let product: f64 = seen.map(|&c| entry(row, c)).sum();
                    assert_eq!(product, entry(a, b), "case {case}, entry ({a}, {b})");
                    count += 1;
                });
                let below = |a: usize| pattern.row(a).0.iter().filter(|&&b| b <= a).count();
                assert_eq!(count, (0..n).map(below).sum::<usize>());
            }
        }
    }

    /// Rows that are kept as bits and rows that are lists: no two columns of a row
    /// share a colour.
    #[test]
    fn long_and_short_rows_are_coloured_alike() {
        let d = 100;
        let rows = (0..d).map(|i| match i % 10 {
            0 => (0..d).filter(|j| (i + j) % 2 == 0).collect(),
            _ => vec![i, (i * 7 + 1) % d],
        });
        let pattern = Pattern::from_rows(d, rows);
        let (color, count) = color(&pattern);
        for i in 0..d {
            let mut seen: Vec<_> = pattern.row(i).0.iter().map(|&c| color[c]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), pattern.row(i).0.len());
        }
        assert!((50..=100).contains(&count), "{count}");
    }

    #[test]
    fn a_dense_pattern_needs_every_color() {
        let dense = Pattern::from_rows(5, (0..3).map(|_| (0..5).collect()));
        assert_eq!(color(&dense).1, 5);
        assert_eq!(dense.find(2, 4), Some(14));
    }
}
