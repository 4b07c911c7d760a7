//! The generalized Cauchy point (Byrd, Lu, Nocedal and Zhu, SIAM J. Sci.
//! Comput. 16, 1190, 1995, section 4).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::bounds::Bounds;
use super::compact::Compact;
use super::pairs::Pairs;
use super::vectors::dot;

/// First local minimizer of the model along the projected steepest descent.
pub(super) struct CauchyPoint {
    /// For each bounded unknown: whether the path fixed it at a bound.
    pub(super) fixed: Vec<bool>,
    /// t*: an unknown that is not fixed has moved by −t* g.
    pub(super) time: f64,
    /// c = Wᵀ(x_C − x).
    pub(super) coefficients: Vec<f64>,
    /// W_Fᵀ g over the free unknowns F.
    pub(super) free_gradient: Vec<f64>,
}

/// Time at which a bounded unknown meets its bound.
#[derive(PartialEq)]
struct Breakpoint {
    time: f64,
    bounded: usize,
}

impl Eq for Breakpoint {}

impl Ord for Breakpoint {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time
            .total_cmp(&other.time)
            .then(self.bounded.cmp(&other.bounded))
    }
}

impl PartialOrd for Breakpoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What the search reads: the iterate, its gradient in scaled unknowns, the
/// bounds, the scales and the memory.
pub(super) struct Place<'a> {
    pub(super) x: &'a [f64],
    pub(super) gradient: &'a [f64],
    pub(super) bounds: &'a Bounds,
    pub(super) scales: &'a [f64],
    pub(super) pairs: &'a Pairs,
}

impl Place<'_> {
    /// Breakpoints along −gradient, and which unknowns their bound holds.
    fn breakpoints(&self) -> (Vec<Reverse<Breakpoint>>, Vec<bool>) {
        let mut held = vec![false; self.bounds.index.len()];
        let mut times = Vec::new();
        for (k, &i) in self.bounds.index.iter().enumerate() {
            let g = self.gradient[i];
            held[k] = self.bounds.holds(k, self.x, self.gradient);
            let time = self.distance(k) / -g;
            if !held[k] && time.is_finite() {
                times.push(Reverse(Breakpoint { time, bounded: k }));
            }
        }
        (times, held)
    }

    /// Scaled way of bounded unknown `k` to the bound that −gradient points to.
    pub(super) fn distance(&self, k: usize) -> f64 {
        let i = self.bounds.index[k];
        (self.bounds.ahead(k, -self.gradient[i]) - self.x[i]) / self.scales[i]
    }

    /// −gradient with zeros at the bounded unknowns that are fixed.
    fn descent(&self, fixed: &[bool], d: &mut [f64]) {
        for (d, g) in d.iter_mut().zip(self.gradient) {
            *d = -g;
        }
        for (&i, _) in self.bounds.index.iter().zip(fixed).filter(|(_, f)| **f) {
            d[i] = 0.0;
        }
    }
}

/// The search from breakpoint to breakpoint.
struct Search<'a> {
    place: &'a Place<'a>,
    compact: &'a Compact,
    /// Wᵀd of the current direction, Wᵀ(x(t) − x) and M Wᵀd.
    p: Vec<f64>,
    c: Vec<f64>,
    m_p: Vec<f64>,
    /// First and second derivative of the model along the current direction.
    slope: f64,
    curvature: f64,
    /// Least curvature that rounding leaves.
    floor: f64,
}

impl<'a> Search<'a> {
    fn new(place: &'a Place<'a>, compact: &'a Compact, d: &[f64]) -> Self {
        let square = dot(d, d);
        let p = compact.columns_times(place.pairs, d);
        let m_p = compact.middle_times(&p);
        let curvature = compact.theta * (square - dot(&p, &m_p));
        let floor = f64::EPSILON * compact.theta * square;
        let c = vec![0.0; p.len()];
        Search {
            place,
            compact,
            p,
            c,
            m_p,
            slope: -square,
            curvature,
            floor,
        }
    }

    /// Time from here to the minimum of the model along the direction.
    fn way_to_minimum(&self) -> f64 {
        (-self.slope / self.curvature.max(self.floor)).max(0.0)
    }

    fn advance(&mut self, time: f64) {
        for (c, p) in self.c.iter_mut().zip(&self.p) {
            *c += time * p;
        }
        self.slope += time * self.curvature;
    }

    /// Takes one unknown out of the direction, at its bound.
    fn fix(&mut self, bounded: usize) {
        let (i, theta) = (self.place.bounds.index[bounded], self.compact.theta);
        let g = self.place.gradient[i];
        let moved = self.place.distance(bounded);
        let w = self.compact.row(self.place.pairs, i);
        let m_w = self.compact.middle_times(&w);
        self.slope += g * g + theta * g * (moved - dot(&m_w, &self.c));
        self.curvature -= theta * g * (g + 2.0 * dot(&m_w, &self.p) + g * dot(&m_w, &w));
        for k in 0..w.len() {
            self.p[k] += g * w[k];
            self.m_p[k] += g * m_w[k];
        }
    }
}

/// Finds the generalized Cauchy point. `scratch` is as long as the unknowns.
pub(super) fn cauchy_point(place: &Place, compact: &Compact, scratch: &mut [f64]) -> CauchyPoint {
    let (breakpoints, mut fixed) = place.breakpoints();
    place.descent(&fixed, scratch);
    let mut search = Search::new(place, compact, scratch);
    // Mostly no breakpoint comes first: then there is nothing to sort.
    let way = search.way_to_minimum();
    let any_first = breakpoints.iter().any(|b| b.0.time <= way);
    let mut breakpoints = if any_first {
        BinaryHeap::from(breakpoints)
    } else {
        BinaryHeap::new()
    };
    let mut time = 0.0;
    let mut met_any = false;
    while let Some(Reverse(next)) = breakpoints.pop() {
        if search.way_to_minimum() < next.time - time {
            break;
        }
        search.advance(next.time - time);
        search.fix(next.bounded);
        time = next.time;
        fixed[next.bounded] = true;
        met_any = true;
    }
    let rest = search.way_to_minimum();
    search.advance(rest);
    let free_gradient = if met_any {
        // `p` has lost what the fixed unknowns outweighed: sum afresh.
        place.descent(&fixed, scratch);
        compact.columns_times(place.pairs, scratch)
    } else {
        search.p
    };
    CauchyPoint {
        fixed,
        time: time + rest,
        coefficients: search.c,
        free_gradient: free_gradient.into_iter().map(|p| -p).collect(),
    }
}
