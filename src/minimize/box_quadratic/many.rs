//! Many unknowns: whole sets of bounds are met or left at once.

use super::{BoxMinimum, BoxQuadratic, pushed_out};
use crate::minimize::Indefinite;

/// All faces together may take as many multiplications as this many factorizations
/// without bounds, or this many that take no time.
const FACTORIZATIONS: f64 = 3.0;
const FREE_OF_CHARGE: f64 = 4e6;

/// Faces that are tried in any case end here: each costs products with S as well.
const MOST_FACES: usize = 200;

/// Multipliers below this part of what they are a difference of are rounding.
const ROUNDING: f64 = 1e-12;

/// A direction that bounds cut must keep this part of what it promised.
const LEFT: f64 = 0.5;

/// A length that misses 1 by so little does so by rounding.
const WHOLE: f64 = 1e-6;

/// What could be gained is nothing below this part of what was gained.
const SETTLED: f64 = 1e-10;

impl BoxQuadratic<'_> {
    /// Two methods take turns, and both change as many bounds at once as they can.
    ///
    /// Block principal pivoting (J. J. Júdice and F. M. Pires, Computers Ops. Res. 21,
    /// 587 (1994)): solve on the free unknowns, hold those that are out of their bounds,
    /// release those whose multipliers have the wrong sign, as long as these are fewer
    /// each time. Well-conditioned quadratics take a handful of such faces.
    ///
    /// Then from the lowest point that was met: Newton's direction on the free unknowns,
    /// and the lowest point along its projection onto the bounds. The value falls
    /// with each face, so that none comes twice. Where the factorizations allowed are
    /// spent, the point at hand is the answer, and incomplete.
    pub(super) fn minimize_many(
        &self,
        free: Option<&[f64]>,
        z: &mut [f64],
    ) -> Result<BoxMinimum, Indefinite> {
        z.fill(0.0);
        let mut search = Search::new(self);
        let mut complete = search.pivot(free)?;
        while !complete {
            let held: Vec<bool> = (0..z.len()).map(|i| search.stays(i)).collect();
            if !search.affords(&held) {
                break;
            }
            complete = search.descend(&held)?;
        }
        z.copy_from_slice(&search.z);
        let products = search.slope.iter().zip(&search.z);
        Ok(BoxMinimum {
            work: products.map(|(mu, z)| mu * z).sum(),
            complete,
            operations: search.operations,
        })
    }
}

/// The lowest point so far.
struct Search<'a> {
    of: &'a BoxQuadratic<'a>,
    z: Vec<f64>,
    value: f64,
    /// μ = Sz − r.
    slope: Vec<f64>,
    operations: f64,
    faces: usize,
}

/// How far a direction leads down.
struct Descent {
    length: f64,
    /// Unknowns that meet their bounds on the way.
    met: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(of: &'a BoxQuadratic<'a>) -> Self {
        Self {
            of,
            z: vec![0.0; of.force.len()],
            value: 0.0,
            slope: of.force.iter().map(|r| -r).collect(),
            operations: 0.0,
            faces: 0,
        }
    }

    /// Whether one more face can be paid for.
    fn affords(&self, held: &[bool]) -> bool {
        let most = (FACTORIZATIONS * self.of.dense_cost()).max(FREE_OF_CHARGE);
        let next = self.of.cost(&free_of(held));
        self.faces < MOST_FACES && self.operations + next <= most
    }

    /// S⁻¹ `right` on the unknowns that are not held, 0 elsewhere.
    fn solve(&mut self, held: &[bool], right: &[f64]) -> Result<Vec<f64>, Indefinite> {
        let free = free_of(held);
        self.operations += self.of.cost(&free);
        self.faces += 1;
        let mut solution: Vec<f64> = free.iter().map(|&i| right[i]).collect();
        self.of.solve_on(&free, &mut solution)?;
        let mut all = vec![0.0; held.len()];
        for (&i, value) in free.iter().zip(solution) {
            all[i] = value;
        }
        Ok(all)
    }

    /// The multipliers of `z`.
    fn slope_at(&self, z: &[f64]) -> Vec<f64> {
        let mut slope = self.of.product(z);
        for (slot, r) in slope.iter_mut().zip(self.of.force) {
            *slot -= r;
        }
        slope
    }

    /// Takes a point within the bounds if it is lower than that at hand.
    fn take(&mut self, z: Vec<f64>, slope: Vec<f64>) {
        let terms = slope.iter().zip(self.of.force).zip(&z);
        let value = 0.5 * terms.map(|((mu, r), z)| (mu - r) * z).sum::<f64>();
        if value < self.value {
            (self.z, self.slope, self.value) = (z, slope, value);
        }
    }

    /// Whether unknown `i` at `z` stands at a bound that the multiplier μ does not take
    /// it away from.
    fn is_held(&self, i: usize, z: f64, mu: f64) -> bool {
        let (lower, upper) = (self.of.lower[i], self.of.upper[i]);
        let r = self.of.force[i];
        let rounding = ROUNDING * (r.abs() + (mu + r).abs());
        lower >= upper || (z <= lower && mu >= -rounding) || (z >= upper && mu <= rounding)
    }

    fn stays(&self, i: usize) -> bool {
        self.is_held(i, self.z[i], self.slope[i])
    }

    /// Block principal pivoting; returns whether it came to the minimum, which is then
    /// the point at hand.
    fn pivot(&mut self, free: Option<&[f64]>) -> Result<bool, Indefinite> {
        let (lower, upper, r) = (self.of.lower, self.of.upper, self.of.force);
        let n = r.len();
        let at_first = |i: usize| lower[i] >= upper[i] || pushed_out(r[i], lower[i], upper[i]);
        let mut held: Vec<bool> = (0..n).map(at_first).collect();
        let mut at = vec![0.0; n];
        let mut fewest = usize::MAX;
        let mut known = free.filter(|_| !held.contains(&true)).map(<[f64]>::to_vec);
        loop {
            let target = match known.take() {
                Some(target) => target,
                None => match self.solve_around(&held, &at) {
                    Ok(target) => target,
                    Err(indefinite) if self.faces == 1 => return Err(indefinite),
                    Err(_) => return Ok(false),
                },
            };
            let within: Vec<f64> = (0..n)
                .map(|i| target[i].max(lower[i]).min(upper[i]))
                .collect();
            let slope = self.slope_at(&target);
            let stays = |i: usize| match held[i] {
                true => self.is_held(i, within[i], slope[i]),
                false => within[i] != target[i],
            };
            let next: Vec<bool> = (0..n).map(stays).collect();
            let wrong = (0..n).filter(|&i| held[i] != next[i]).count();
            if fewest == usize::MAX && wrong > 0 {
                // From 0 this is Newton's direction: its way leads down.
                self.go(&self.along(&target), &target);
            }
            let slope = match within == target {
                true => slope,
                false => self.slope_at(&within),
            };
            self.take(within.clone(), slope);
            if wrong == 0 {
                return Ok(self.z == within);
            }
            if wrong >= fewest || !self.affords(&next) {
                return Ok(false);
            }
            fewest = wrong;
            (held, at) = (next, within);
        }
    }

    /// The minimum over the unknowns that are not held, with the others where `at` has
    /// them.
    fn solve_around(&mut self, held: &[bool], at: &[f64]) -> Result<Vec<f64>, Indefinite> {
        let mut fixed = at.to_vec();
        for (slot, held) in fixed.iter_mut().zip(held) {
            if !held {
                *slot = 0.0;
            }
        }
        let right: Vec<f64> = self.slope_at(&fixed).iter().map(|mu| -mu).collect();
        let mut target = self.solve(held, &right)?;
        for (slot, fixed) in target.iter_mut().zip(&fixed) {
            *slot += fixed;
        }
        Ok(target)
    }

    /// One face further down; returns whether the point at hand is now the minimum.
    fn descend(&mut self, held: &[bool]) -> Result<bool, Indefinite> {
        let (mut direction, gain, mut cut) = self.direction(held)?;
        if cut && -0.5 * dot(&self.slope, &direction) < LEFT * gain {
            // Of those at their bounds only the one that is pulled inside most, or none
            // where the others push it out.
            let most = self.most_pulled(held);
            for released in [most, None] {
                let held = self.all_at_bounds(held, released);
                if !self.affords(&held) {
                    return Ok(false);
                }
                (direction, _, cut) = self.direction(&held)?;
                if !cut {
                    break;
                }
            }
            cut = true;
        }
        let descent = self.along(&direction);
        let before = self.value;
        self.go(&descent, &direction);
        if self.value >= before {
            // Nothing can be gained, or rounding has made the direction.
            return match gain <= SETTLED * self.value.abs() {
                true => Ok(true),
                false => Err(Indefinite { pivot: f64::NAN }),
            };
        }
        let still = (0..held.len()).all(|i| !held[i] || self.stays(i));
        Ok(!cut && still && descent.met.is_empty() && descent.length >= 1.0)
    }

    /// Newton's direction on the unknowns that are not held, what it promises, and
    /// whether bounds cut it: unknowns that it takes out of the bounds that they stand
    /// at do not move.
    fn direction(&mut self, held: &[bool]) -> Result<(Vec<f64>, f64, bool), Indefinite> {
        let back: Vec<f64> = self.slope.iter().map(|mu| -mu).collect();
        let mut direction = self.solve(held, &back)?;
        let gain = 0.5 * dot(&back, &direction);
        let mut cut = false;
        for (i, d) in direction.iter_mut().enumerate() {
            let (z, lower, upper) = (self.z[i], self.of.lower[i], self.of.upper[i]);
            if (z <= lower && *d < 0.0) || (z >= upper && *d > 0.0) {
                *d = 0.0;
                cut = true;
            }
        }
        Ok((direction, gain, cut))
    }

    /// Goes to the lowest point of a way, if it is lower than that at hand.
    fn go(&mut self, descent: &Descent, direction: &[f64]) {
        let mut z: Vec<f64> = (0..direction.len())
            .map(|i| {
                let way = descent.length * direction[i];
                let to = self.z[i] + way;
                let bound = self.bound_ahead(i, direction[i]);
                // A bound that is missed by rounding would stop the next way at once.
                match (to - bound).abs() <= 4.0 * f64::EPSILON * way.abs() {
                    true => bound,
                    false => to.max(self.of.lower[i]).min(self.of.upper[i]),
                }
            })
            .collect();
        for &i in &descent.met {
            z[i] = self.bound_ahead(i, direction[i]);
        }
        let slope = self.slope_at(&z);
        self.take(z, slope);
    }

    /// Of the unknowns at bounds that are not held the one with the largest slope.
    fn most_pulled(&self, held: &[bool]) -> Option<usize> {
        let released = (0..held.len()).filter(|&i| !held[i] && self.is_at_bound(i));
        released.max_by(|&a, &b| self.slope[a].abs().total_cmp(&self.slope[b].abs()))
    }

    /// All that stand at bounds held but for one.
    fn all_at_bounds(&self, held: &[bool], but: Option<usize>) -> Vec<bool> {
        let of = |i: usize| held[i] || (self.is_at_bound(i) && but != Some(i));
        (0..held.len()).map(of).collect()
    }

    fn is_at_bound(&self, i: usize) -> bool {
        self.z[i] <= self.of.lower[i] || self.z[i] >= self.of.upper[i]
    }

    fn bound_ahead(&self, i: usize, direction: f64) -> f64 {
        match direction < 0.0 {
            true => self.of.lower[i],
            false => self.of.upper[i],
        }
    }

    /// The lowest point of the projected way z + t·`direction`, 0 ≤ t ≤ 1. The whole of
    /// Newton's direction, but for rounding, is the whole.
    fn along(&self, direction: &[f64]) -> Descent {
        let mut bounds: Vec<(f64, usize)> = (0..direction.len())
            .filter(|&i| direction[i] != 0.0)
            .map(|i| {
                let room = self.bound_ahead(i, direction[i]) - self.z[i];
                (room / direction[i], i)
            })
            .filter(|(t, _)| *t < 1.0)
            .collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut direction = direction.to_vec();
        let mut image = self.of.product(&direction);
        let mut slope = self.slope.clone();
        let (mut value, mut from) = (0.0, 0.0);
        let (mut lowest, mut length, mut passed) = (0.0, 0.0, 0);
        let ends = bounds.iter().map(|(t, i)| (*t, Some(*i)));
        for (k, (to, met)) in ends.chain([(1.0, None)]).enumerate() {
            let (steepness, bend) = (dot(&slope, &direction), dot(&image, &direction));
            let way = (to - from).max(0.0);
            let after = |t: f64| value + t * (steepness + 0.5 * t * bend);
            let best = match bend > 0.0 {
                true => way.min((-steepness / bend).max(0.0)),
                false => way,
            };
            if after(best) < lowest {
                let meets = best >= way && met.is_some();
                (lowest, length, passed) = (after(best), from + best, k + usize::from(meets));
            }
            value = after(way);
            from += way;
            let Some(i) = met else { break };
            for (slot, image) in slope.iter_mut().zip(&image) {
                *slot += way * image;
            }
            self.of.subtract_column(i, direction[i], &mut image);
            direction[i] = 0.0;
        }
        if passed == 0 && length > 1.0 - WHOLE {
            length = 1.0;
        }
        Descent {
            length,
            met: bounds[..passed].iter().map(|(_, i)| *i).collect(),
        }
    }
}

fn free_of(held: &[bool]) -> Vec<usize> {
    (0..held.len()).filter(|&i| !held[i]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
