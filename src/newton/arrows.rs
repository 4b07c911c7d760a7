//! Newton equations as block arrows that share one border, factored in parallel.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::Array2;

use super::{NOT_SOLVED, Solved};
use crate::error::Result;
use crate::linalg::{ArrowShape, Backend, BlockArrow, ChainShape, Failure, Front};
use crate::minimize::{BoxMinimum, BoxQuadratic, Indefinite};
use crate::parallel::in_parallel;

/// What fills the fronts of one group of chains.
pub(crate) trait Assemble: Send {
    /// Adds what interval `k` of chain `c`, counted within the group, holds; behind the
    /// last interval comes the last node alone.
    fn assemble(&mut self, c: usize, k: usize, front: &mut Front<'_>);
}

/// The unknowns of a symmetric matrix: chains in groups, one group behind the other,
/// and at the end the border that all of them touch.
#[derive(Debug, Clone)]
pub(crate) struct Arrangement {
    /// The chains of each group.
    pub(crate) groups: Vec<Vec<ChainShape>>,
    /// Where the border begins, and how many unknowns it has.
    pub(crate) first: usize,
    pub(crate) border: usize,
    /// Of the border, how many unknowns all chains share, and how many of its own each
    /// block behind them has.
    pub(crate) parts: (usize, usize),
}

/// A factored matrix: of each group a block arrow, whose borders are one.
pub(crate) struct Arrows {
    arrows: Vec<BlockArrow>,
    /// Where each group's chains stand among the unknowns.
    states: Vec<Range<usize>>,
    first: usize,
    parts: (usize, usize),
}

impl Arrows {
    /// # Errors
    /// [`Error::BackendNotBuilt`](crate::Error::BackendNotBuilt), and what
    /// [`ArrowShape::new`] says of a shape.
    pub(crate) fn new(of: Arrangement, backend: Backend) -> Result<Self> {
        let (mut arrows, mut states, mut start) = (Vec::new(), Vec::new(), 0);
        for chains in of.groups {
            let shape = ArrowShape::new(chains, of.border)?;
            let end = start + shape.dimension() - of.border;
            states.push(start..end);
            start = end;
            arrows.push(BlockArrow::with_backend(shape, backend)?);
        }
        Ok(Self {
            arrows,
            states,
            first: of.first,
            parts: of.parts,
        })
    }

    /// Factors the chains of all groups, with `rhs` as right-hand side, and adds up
    /// their borders and `added`, the border's own diagonal.
    ///
    /// # Errors
    /// [`Indefinite`] with the first pivot that is not positive.
    pub(crate) fn factor<G: Assemble>(
        &mut self,
        groups: &mut [G],
        rhs: &[f64],
        added: &[f64],
    ) -> Solved {
        let first = self.first;
        let states = &self.states;
        let jobs = self.arrows.iter_mut().zip(groups);
        let mut jobs: Vec<_> = jobs.enumerate().map(|job| (job, Ok(()))).collect();
        in_parallel(&mut jobs, |((g, (arrow, group)), factored)| {
            let own = own_rhs(&states[*g], *g == 0, rhs, first);
            *factored = arrow.factor(&own, |c, k, front| group.assemble(c, k, front));
        });
        for (_, factored) in jobs {
            factored.map_err(|failure| match failure {
                Failure::Indefinite(bad) => Indefinite { pivot: bad.pivot },
                Failure::Input(_) => NOT_SOLVED,
            })?;
        }
        let (one, others) = self.arrows.split_first_mut().ok_or(NOT_SOLVED)?;
        for other in others {
            one.absorb_border(other).map_err(|_| NOT_SOLVED)?;
        }
        for (k, &value) in added.iter().enumerate() {
            one.add_to_border(k, value).map_err(|_| NOT_SOLVED)?;
        }
        Ok(())
    }

    /// Puts another right-hand side in the place of the one that was factored; what is
    /// `held` has none.
    pub(crate) fn substitute(&mut self, rhs: &[f64], held: &[bool]) -> Solved {
        let first = self.first;
        let jobs = self.arrows.iter_mut().zip(&self.states).enumerate();
        let mut jobs: Vec<_> = jobs.map(|job| (job, false)).collect();
        in_parallel(&mut jobs, |((g, (arrow, states)), done)| {
            let mut own = own_rhs(states, *g == 0, rhs, first).into_owned();
            for (slot, held) in own.iter_mut().zip(&held[(*states).clone()]) {
                if *held {
                    *slot = 0.0;
                }
            }
            *done = arrow.substitute_forward(&mut own).is_ok();
        });
        if jobs.iter().any(|(_, done)| !done) {
            return Err(NOT_SOLVED);
        }
        let (one, others) = self.arrows.split_first_mut().ok_or(NOT_SOLVED)?;
        for other in others {
            one.absorb_rhs(other).map_err(|_| NOT_SOLVED)?;
        }
        Ok(())
    }

    /// The solution for the right-hand side at hand; the border's part is the minimum
    /// of its quadratic between the bounds.
    pub(crate) fn solve(
        &mut self,
        bounds: (&[f64], &[f64]),
        solution: &mut [f64],
    ) -> std::result::Result<BoxMinimum, Indefinite> {
        let one = self.arrows.first_mut().ok_or(NOT_SOLVED)?;
        let (z, within) = solve_border(one, self.parts, bounds)?;
        if let [arrow] = &mut self.arrows[..] {
            let solved = arrow.back_substitute(&z, solution);
            return solved.map(|()| within).map_err(|_| NOT_SOLVED);
        }
        let own =
            |(arrow, states): (_, &Range<usize>)| (arrow, vec![0.0; states.len() + z.len()], false);
        let jobs = self.arrows.iter_mut().zip(&self.states);
        let mut jobs: Vec<_> = jobs.map(own).collect();
        in_parallel(&mut jobs, |(arrow, own, solved)| {
            *solved = arrow.back_substitute(&z, own).is_ok();
        });
        for ((_, own, solved), states) in jobs.iter().zip(&self.states) {
            if !solved {
                return Err(NOT_SOLVED);
            }
            solution[states.clone()].copy_from_slice(&own[..states.len()]);
        }
        solution[self.first..].copy_from_slice(&z);
        Ok(within)
    }

    /// Replaces `vector`, of the chains, by the solution for it as right-hand side:
    /// of a matrix without a border.
    pub(crate) fn solve_chains(&mut self, vector: &mut [f64]) -> Solved {
        let mut rest = vector;
        let mut jobs = Vec::with_capacity(self.arrows.len());
        for (arrow, states) in self.arrows.iter_mut().zip(&self.states) {
            let (part, later) = rest.split_at_mut(states.len());
            rest = later;
            jobs.push((arrow, part, false));
        }
        in_parallel(&mut jobs, |(arrow, part, solved)| {
            *solved = arrow.solve(part).is_ok();
        });
        match jobs.iter().all(|(_, _, solved)| *solved) {
            true => Ok(()),
            false => Err(NOT_SOLVED),
        }
    }

    /// The Schur complement of the border.
    pub(crate) fn border_matrix(&self) -> std::result::Result<Array2<f64>, Indefinite> {
        let one = self.arrows.first().ok_or(NOT_SOLVED)?;
        let (matrix, ld) = one.border_matrix();
        let order = one.shape().border();
        Ok(Array2::from_shape_fn((order, order), |(i, j)| {
            matrix[i.max(j) + i.min(j) * ld]
        }))
    }

    /// ln det of the chains, without the border's Schur complement.
    pub(crate) fn chains_log_determinant(&self) -> f64 {
        self.arrows.iter().map(|a| a.chains_log_determinant()).sum()
    }
}

/// The right-hand side of one group; the border's own part counts once. That of a
/// single group is the whole.
fn own_rhs<'a>(
    states: &Range<usize>,
    counts: bool,
    rhs: &'a [f64],
    border: usize,
) -> Cow<'a, [f64]> {
    if *states == (0..border) {
        return Cow::Borrowed(rhs);
    }
    let mut own = rhs[states.clone()].to_vec();
    let share = if counts { 1.0 } else { 0.0 };
    own.extend(rhs[border..].iter().map(|v| share * v));
    Cow::Owned(own)
}

/// The border's part of a step, within what is left to its bounds; `parts` are the
/// numbers of unknowns that all windows share and that each has of its own.
fn solve_border(
    arrow: &mut BlockArrow,
    parts: (usize, usize),
    bounds: (&[f64], &[f64]),
) -> std::result::Result<(Vec<f64>, BoxMinimum), Indefinite> {
    let mut z = vec![0.0; bounds.0.len()];
    let force = arrow.border_rhs().to_vec();
    let quadratic = within_bounds(arrow, parts, &force, bounds);
    let mut free = None;
    if !quadratic.is_pushed_out() && !quadratic.prefers_blocks() {
        arrow.solve_border(&mut z).map_err(|_| NOT_SOLVED)?;
        if within_bounds(arrow, parts, &force, bounds).contains(&z) {
            return Ok((z, BoxMinimum::inside()));
        }
        free = Some(z.clone());
    }
    let quadratic = within_bounds(arrow, parts, &force, bounds);
    let within = quadratic.minimize(free.as_deref(), &mut z)?;
    Ok((z, within))
}

/// The border's quadratic.
fn within_bounds<'a>(
    arrow: &'a BlockArrow,
    (shared, own): (usize, usize),
    force: &'a [f64],
    (lower, upper): (&'a [f64], &'a [f64]),
) -> BoxQuadratic<'a> {
    let (matrix, ld) = arrow.border_matrix();
    BoxQuadratic {
        matrix,
        ld,
        force,
        lower,
        upper,
        shared,
        own,
    }
}
