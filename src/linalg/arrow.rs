//! The multifrontal Cholesky factorization along the chains.

use super::failure::{Failure, Indefinite};
use super::front::{Front, column_bases};
use super::kernel::{Backend, BadPivot, Kernel};
use super::layout::{Geometry, Layout, Step};
use super::memory::Memory;
use super::shape::ArrowShape;
use crate::error::{self, Error, Result};
use crate::simd::keeping;

/// How far the factorization has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Empty,
    /// The chains are eliminated.
    Chains,
    /// The border too.
    Border,
}

/// Factors of more bytes exceed a core's own caches.
const FAR: usize = 2 << 20;

/// The factor of a symmetric positive definite block-arrow matrix, and the
/// memory for it: allocated once, used for any number of factorizations.
///
/// The steps of one solve of H x = b are [`factor`](Self::factor) (assembles H
/// front by front, eliminates all chains, forward substitution of b included),
/// [`solve_border`](Self::solve_border) (S z = r) and
/// [`back_substitute`](Self::back_substitute). Between the last two a caller may
/// choose other border values.
#[derive(Debug)]
pub struct BlockArrow {
    pub(super) shape: ArrowShape,
    pub(super) kernel: Kernel,
    pub(super) layout: Layout,
    /// The front at hand: panel, right block, corner; see [`Layout`].
    buffer: Vec<f64>,
    /// The factors of all fronts.
    pub(super) factor: Memory,
    /// The border's factor: a copy of the corner, with the right-hand side as last row.
    pub(super) border: Vec<f64>,
    pub(super) border_geometry: Geometry,
    /// The reduced right-hand side r.
    reduced: Vec<f64>,
    pub(super) stage: Stage,
    column_base: Vec<usize>,
    /// The unknowns of one front in local order.
    pub(super) local: Vec<f64>,
    /// The padded copy of a dense Jacobian.
    scratch: Vec<f64>,
}

impl BlockArrow {
    /// Allocates the factor of a matrix of this shape, with [`Backend::Auto`].
    pub fn new(shape: ArrowShape) -> Self {
        Self::with_kernel(shape, Kernel::auto())
    }

    /// Allocates the factor of a matrix of this shape for one backend.
    ///
    /// # Errors
    /// [`Error::BackendNotBuilt`] where the build lacks the backend's feature.
    pub fn with_backend(shape: ArrowShape, backend: Backend) -> Result<Self> {
        Ok(Self::with_kernel(shape, Kernel::new(backend)?))
    }

    fn with_kernel(shape: ArrowShape, kernel: Kernel) -> Self {
        // Both start at a cache line: the lengths do not depend on where that is.
        let Layout {
            front_end,
            factor_end,
            ..
        } = Layout::new(&shape, [0, 0]);
        let line = 8;
        let buffer = vec![0.0; front_end + line];
        let factor = Memory::zeros(factor_end + line);
        let origins = [&buffer[..], &factor].map(|of| of.as_ptr().align_offset(64).min(line));
        let layout = Layout::new(&shape, origins);
        let order = shape.border();
        let border_geometry = Geometry::dense(order, 0);
        Self {
            kernel,
            buffer,
            factor,
            border: vec![0.0; border_geometry.panel_end()],
            border_geometry,
            reduced: vec![0.0; order],
            stage: Stage::Empty,
            column_base: Vec::new(),
            local: vec![0.0; layout.tallest],
            scratch: Vec::new(),
            layout,
            shape,
        }
    }

    /// The shape.
    pub fn shape(&self) -> &ArrowShape {
        &self.shape
    }

    /// Factors the matrix that `assemble` describes, up to the border's Schur
    /// complement, and substitutes `rhs` forward.
    ///
    /// `assemble(chain, k, front)` is called for each chain in order and in it
    /// for k = 0, 1, …, number of nodes − 1; it adds the entries of interval k to
    /// the front's lower triangle. The last front of a chain has no interior and
    /// no right node. Terms of node k may be added in front k − 1 (as right
    /// node) or in front k (as left node), those of the border in any.
    ///
    /// # Errors
    /// [`Failure::Indefinite`] at the first pivot that is not positive and
    /// finite; [`Failure::Input`] for a `rhs` of another length or with a value
    /// that is not finite, and for an entry added outside its front.
    pub fn factor<F>(&mut self, rhs: &[f64], mut assemble: F) -> std::result::Result<(), Failure>
    where
        F: FnMut(usize, usize, &mut Front<'_>),
    {
        self.stage = Stage::Empty;
        check_length("right-hand side", self.shape.dimension(), rhs.len())?;
        check_finite(rhs)?;
        self.open_corner(rhs);
        let far = self.is_far();
        let Self {
            layout,
            buffer,
            factor,
            kernel,
            column_base,
            scratch,
            ..
        } = self;
        keeping(factor, far, |place| {
            for (index, step) in layout.steps.iter().enumerate() {
                open_front(layout, index, rhs, buffer);
                column_bases(step, column_base);
                let mut front = Front {
                    buffer,
                    column_base,
                    step,
                    kernel: *kernel,
                    scratch,
                    misplaced: None,
                };
                assemble(step.chain, step.front, &mut front);
                if let Some(entry) = front.misplaced {
                    return Err(Failure::from(misplaced(step, entry)));
                }
                kernel
                    .eliminate(buffer, &step.geometry)
                    .map_err(|bad| indefinite(step.chain, step.front, bad))?;
                kernel.keep(buffer, &step.geometry, (&mut *place, &step.factor));
            }
            Ok(())
        })?;
        self.close_corner()?;
        self.stage = Stage::Chains;
        Ok(())
    }

    /// Clears the corner and puts the border's right-hand side into its last row.
    fn open_corner(&mut self, rhs: &[f64]) {
        let order = self.shape.border();
        self.buffer[self.layout.corner()].fill(0.0);
        let values = &rhs[rhs.len() - order..];
        for (j, value) in values.iter().enumerate() {
            self.buffer[self.layout.corner + j * self.layout.corner_ld + order] = *value;
        }
    }

    /// Whether the factor exceeds a core's own caches.
    pub(super) fn is_far(&self) -> bool {
        size_of_val(&self.factor[..]) > FAR
    }

    /// Keeps the reduced right-hand side; a NaN that passed by all pivots (in a
    /// row of the border) shows here.
    fn close_corner(&mut self) -> std::result::Result<(), Indefinite> {
        let (corner, ld) = self.border_matrix();
        let order = self.shape.border();
        let diagonal = |j: usize| corner[j * ld + j];
        if let Some(row) = (0..order).find(|&j| !diagonal(j).is_finite()) {
            let pivot = f64::NAN;
            return Err(indefinite(
                self.shape.chains().len(),
                0,
                BadPivot { row, pivot },
            ));
        }
        for j in 0..order {
            self.reduced[j] = self.buffer[self.layout.corner + j * ld + order];
        }
        Ok(())
    }

    /// Adds the border that another matrix' chains left to this one's: chains
    /// that were factored apart are solved with one border, by
    /// [`solve_border`](Self::solve_border) here and
    /// [`back_substitute`](Self::back_substitute) in each. The border's own
    /// terms and right-hand side must have been given to one of them only.
    ///
    /// # Errors
    /// [`Error::Length`] for a border of another length, [`Error::Missing`]
    /// where either matrix is not factored.
    pub fn absorb_border(&mut self, other: &Self) -> Result<()> {
        self.require(Stage::Chains)?;
        other.require(Stage::Chains)?;
        check_length("border", self.shape.border(), other.shape.border())?;
        let corner = &other.buffer[other.layout.corner()];
        let own = &mut self.buffer[self.layout.corner()];
        for (slot, value) in own.iter_mut().zip(corner) {
            *slot += value;
        }
        for (slot, value) in self.reduced.iter_mut().zip(&other.reduced) {
            *slot += value;
        }
        self.stage = Stage::Chains;
        Ok(())
    }

    /// Adds to a diagonal entry of the border's Schur complement after
    /// [`factor`](Self::factor).
    ///
    /// # Errors
    /// [`Error::Missing`] before [`factor`](Self::factor),
    /// [`Error::OutOfRange`] for an unknown that the border does not have.
    pub fn add_to_border(&mut self, k: usize, value: f64) -> Result<()> {
        self.require(Stage::Chains)?;
        let order = self.shape.border();
        if k >= order {
            return Err(Error::OutOfRange {
                what: "unknown of the border",
                place: "block-arrow matrix".into(),
                low: 0.0,
                high: order as f64 - 1.0,
                found: k as f64,
            });
        }
        self.buffer[self.layout.corner + k * (self.layout.corner_ld + 1)] += value;
        self.stage = Stage::Chains;
        Ok(())
    }

    /// The Schur complement S of the border (P × P), column-major with the
    /// leading dimension that is returned too; the lower triangle counts. It is
    /// complete after [`factor`](Self::factor) and stays.
    pub fn border_matrix(&self) -> (&[f64], usize) {
        let corner = &self.buffer[self.layout.corner()];
        (corner, self.layout.corner_ld)
    }

    /// The reduced right-hand side r of the border (P), complete after
    /// [`factor`](Self::factor).
    pub fn border_rhs(&self) -> &[f64] {
        &self.reduced
    }

    /// Factors S and solves S z = r; `out` (P) becomes z.
    ///
    /// # Errors
    /// [`Failure::Indefinite`] with the number of chains as its chain;
    /// [`Failure::Input`] before [`factor`](Self::factor) or for an `out` of
    /// another length.
    pub fn solve_border(&mut self, out: &mut [f64]) -> std::result::Result<(), Failure> {
        self.require(Stage::Chains)?;
        let order = self.shape.border();
        check_length("border", order, out.len())?;
        self.factor_border()?;
        let factor = self.border_geometry.stairs();
        for j in 0..order {
            self.local[j] = self.border[factor.entry(order, j)];
        }
        self.local[order..].fill(0.0);
        self.kernel
            .backward(&self.border, &factor, &mut self.local, &[]);
        out.copy_from_slice(&self.local[..order]);
        Ok(())
    }

    /// Another reduced right-hand side, with the chains as they are.
    pub(super) fn set_reduced(&mut self, reduced: &[f64]) {
        let order = self.shape.border();
        self.reduced.copy_from_slice(reduced);
        for (j, value) in reduced.iter().enumerate() {
            self.buffer[self.layout.corner + j * self.layout.corner_ld + order] = *value;
        }
        self.stage = Stage::Chains;
    }

    /// Cholesky of a copy of S, the reduced right-hand side riding along.
    pub(super) fn factor_border(&mut self) -> std::result::Result<(), Indefinite> {
        self.stage = Stage::Chains;
        self.border
            .copy_from_slice(&self.buffer[self.layout.corner()]);
        self.kernel
            .eliminate(&mut self.border, &self.border_geometry)
            .map_err(|bad| indefinite(self.shape.chains().len(), 0, bad))?;
        Kernel::pack(&mut self.border, &self.border_geometry);
        self.stage = Stage::Border;
        Ok(())
    }

    /// Bytes held: the factor, the border's and the workspace.
    pub fn factor_bytes(&self) -> usize {
        let numbers = self.buffer.capacity()
            + self.factor.len()
            + self.border.capacity()
            + self.reduced.capacity()
            + self.local.capacity()
            + self.scratch.capacity();
        numbers * size_of::<f64>()
            + self.layout.steps.capacity() * size_of::<Step>()
            + self.column_base.capacity() * size_of::<usize>()
    }

    pub(super) fn require(&self, stage: Stage) -> Result<()> {
        if self.stage >= stage {
            return Ok(());
        }
        Err(Error::Missing {
            what: "factorization",
            place: "block-arrow matrix".into(),
        })
    }
}

/// Clears the panel of a front and its right block, and hands over what the front
/// before left at the node they share.
fn open_front(layout: &Layout, index: usize, rhs: &[f64], buffer: &mut [f64]) {
    let step = &layout.steps[index];
    let geometry = &step.geometry;
    let (before, after) = buffer.split_at_mut(geometry.right.base);
    let panel = &mut before[geometry.panel..geometry.panel_end()];
    panel.fill(0.0);
    let last = geometry.rows() - 1;
    let own = &rhs[step.interior_start()..step.right_start()];
    for (j, value) in own.iter().enumerate() {
        panel[j * geometry.ld + last] = *value;
    }
    if step.front > 0 {
        receive(step, &layout.steps[index - 1], after, panel);
    }
    let left = &rhs[step.start..step.interior_start()];
    for (j, value) in left.iter().enumerate() {
        panel[(step.interior + j) * geometry.ld + last] += *value;
    }
    after[..geometry.right.columns * geometry.right.ld].fill(0.0);
}

/// Adds the right block of the front before to the left node's columns of `panel`.
fn receive(step: &Step, before: &Step, right: &[f64], panel: &mut [f64]) {
    let geometry = &step.geometry;
    let from = before.geometry.right;
    // The border's rows and the right-hand side's stand at the end of both.
    let tail = geometry.corner.columns + 1;
    let tail_start = geometry.rows() - tail;
    for j in 0..step.left {
        let source = &right[j * from.ld..(j + 1) * from.ld];
        let diagonal = step.interior + j;
        let target = &mut panel[diagonal * geometry.ld..(diagonal + 1) * geometry.ld];
        target[diagonal..step.interior + step.left].copy_from_slice(&source[j..step.left]);
        target[tail_start..tail_start + tail].copy_from_slice(&source[step.left..][..tail]);
    }
}

fn indefinite(chain: usize, front: usize, bad: BadPivot) -> Indefinite {
    Indefinite {
        chain,
        front,
        row: bad.row,
        pivot: bad.pivot,
    }
}

fn misplaced(step: &Step, (row, column): (usize, usize)) -> Error {
    Error::OutOfRange {
        what: "entry added to a front",
        place: format!(
            "chain {}, front {}, row {row}, column {column}",
            step.chain, step.front
        ),
        low: column as f64,
        high: step.geometry.unknowns() as f64 - 1.0,
        found: row as f64,
    }
}

pub(super) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    error::check_length(what, || "block-arrow matrix".into(), expected, found)
}

fn check_finite(rhs: &[f64]) -> Result<()> {
    match rhs.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite {
            what: "right-hand side",
            place: format!("index {index}"),
            found: rhs[index],
        }),
        None => Ok(()),
    }
}
