//! Derivatives of a flow.

use std::sync::Arc;

use super::any::{AnyFlow, FlowNumber, Number};
use super::generic::{Generic, PackedGeneric};
use super::pack::Pack;
use super::packed::{Packed, Passes};
use super::places::Places;
use super::plan::{Differentiator, Plan};
use super::probe::check_flow;
use super::structure::{Structure, lacking};
use crate::error::{Error, Result};
use crate::model::{JacobianEntries, Pattern, Scope, Sparsity};

/// A flow at one time with one input: the generic function of (x, θ), where x
/// includes the parameters that change in time.
pub(crate) struct FlowAt<'a, B = f64> {
    pub(crate) model: &'a dyn AnyFlow,
    pub(crate) scope: &'a Scope,
    pub(crate) time: B,
    pub(crate) input: &'a [B],
}

impl<B: Copy> FlowAt<'_, B> {
    #[inline(always)]
    fn at<S: FlowNumber + From<B>>(
        &self,
        x: &[S],
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        scratch.clear();
        scratch.extend(self.input.iter().map(|&u| <S as From<B>>::from(u)));
        let time = <S as From<B>>::from(self.time);
        if self.scope.drifting.is_empty() {
            S::flow(self.model, time, x, theta, scratch, out);
            return;
        }
        let width = self.model.width();
        scratch.extend_from_slice(theta);
        let (input, theta) = scratch.split_at_mut(self.input.len());
        self.scope.set_drifting(x, width, theta);
        let own = &mut out[..width];
        S::flow(self.model, time, &x[..width], theta, input, own);
        self.scope.drift(x, width, out);
    }
}

impl Generic for FlowAt<'_> {
    fn inputs(&self) -> usize {
        self.model.width() + self.scope.drifting.len()
    }
    fn outputs(&self) -> usize {
        self.inputs()
    }
    #[inline(always)]
    fn call<S: Number>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        self.at(x, theta, scratch, out);
    }
}

impl PackedGeneric for FlowAt<'_, Pack> {
    #[inline(always)]
    fn call<S: FlowNumber + From<Pack>>(
        &self,
        x: &[S],
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        self.at(x, theta, scratch, out);
    }
}

/// What is known of a flow's derivatives before any point is.
#[derive(Debug)]
pub(crate) struct FlowPlan {
    plan: Arc<Plan>,
    pub(super) parameter_column: Vec<Option<usize>>,
    /// How it is called at many points at once, where the model neither looks at
    /// values nor chooses between numbers, and has no hand-written Jacobian.
    passes: Option<Arc<Passes>>,
}

impl FlowPlan {
    /// # Errors
    /// As [`check_flow`] and [`flow_pattern`].
    pub(crate) fn new(model: &dyn AnyFlow, scope: &Scope, places: &Places<'_>) -> Result<Self> {
        check_flow(model, places)?;
        let wanted = scope.wanted();
        let known = flow_pattern(model, &wanted, places)?;
        let width = model.width();
        let mut parameter_column = vec![None; model.parameter_count()];
        for (column, &p) in (width..).zip(&wanted) {
            parameter_column[p] = Some(column);
        }
        // Parameters that change in time stand behind the states, and decay by
        // themselves. The diagonal is always there: discretizations add to it.
        let drifting = (width..).take(scope.drifting.len()).map(|i| vec![i]);
        let rows = known.rows.into_iter().chain(drifting);
        let pattern = Pattern::from_rows(width + wanted.len(), rows).with_diagonal();
        let mut plan = Self {
            plan: Arc::new(Plan::of(pattern, &scope.free, known.traced)),
            parameter_column,
            passes: None,
        };
        if known.arithmetic && !plan.is_by_hand(model, places) {
            plan.passes = Some(Arc::new(plan.plan.passes()));
        }
        Ok(plan)
    }

    /// That of no flow at all.
    pub(crate) fn none() -> Self {
        Self {
            plan: Arc::new(Plan::of(Pattern::from_rows(0, []), &[], true)),
            parameter_column: Vec::new(),
            passes: None,
        }
    }

    /// Columns: state components, then free parameters.
    pub(super) fn pattern(&self) -> &Pattern {
        self.plan.pattern()
    }

    /// Whether the model's Jacobian is hand-written.
    fn is_by_hand(&self, model: &dyn AnyFlow, places: &Places<'_>) -> bool {
        let pattern = self.plan.pattern();
        let mut values = vec![0.0; pattern.entry_count()];
        let mut entries = JacobianEntries::new(pattern, &self.parameter_column, &mut values);
        let x = vec![0.5; model.width()];
        let theta = vec![0.5; model.parameter_count()];
        let (time, input) = places.first(model.input_count());
        model.jacobian(time, &x, &theta, &input, &mut entries)
    }
}

/// The pattern of a model's own function.
pub struct KnownPattern {
    /// Columns: its variables, then the wanted parameters.
    pub(crate) rows: Vec<Vec<usize>>,
    /// Whether it was traced.
    pub(crate) traced: bool,
    /// Whether the function is arithmetic alone, the same at every point: it neither
    /// looks at values nor chooses between numbers.
    pub(crate) arithmetic: bool,
}

/// Most unknowns of a function that looks at values, and is taken for dense.
const MOST_DENSE: usize = 64;

impl KnownPattern {
    /// From what a run told and what the model says; `columns` are all, of which
    /// `unknowns` are those of one stage.
    ///
    /// # Errors
    /// [`Error::UndeclaredPattern`] naming the `declaration` that is missing.
    pub(crate) fn new(
        structure: Structure,
        sparsity: &Sparsity,
        (columns, unknowns): (usize, usize),
        (declaration, place): (&'static str, impl Fn() -> String),
    ) -> Result<Self> {
        let Structure {
            mut rows,
            looks,
            chooses,
        } = structure;
        if *sparsity == Sparsity::Traced && looks && unknowns > MOST_DENSE {
            return Err(Error::UndeclaredPattern {
                place: place(),
                declaration,
                expected: MOST_DENSE,
                found: unknowns,
            });
        }
        let traced = *sparsity == Sparsity::Traced && !looks;
        // Declared ones are set by who knows the numbering.
        if !traced && !matches!(sparsity, Sparsity::Declared(_)) {
            rows.fill((0..columns).collect());
        }
        Ok(Self {
            rows,
            traced,
            arithmetic: !looks && !chooses,
        })
    }
}

/// Work that a check of a declared pattern may take, in entries, and how many points
/// it takes at least and at most.
const CHECK_WORK: usize = 1 << 20;
const CHECK_POINTS: [usize; 2] = [16, 2048];

/// The pattern of F by states and the `wanted` parameters.
///
/// # Errors
/// [`Error::UndeclaredPattern`] for a model that looks at values and declares nothing
/// though it has too many unknowns to be dense; [`Error::OutOfRange`] for a declared
/// entry that the Jacobian does not have; [`Error::IncompletePattern`] for a declared
/// pattern without an entry that is not zero at one of the `places`.
pub(crate) fn flow_pattern(
    model: &dyn AnyFlow,
    wanted: &[usize],
    places: &Places<'_>,
) -> Result<KnownPattern> {
    let (d, p, inputs) = (model.width(), model.parameter_count(), model.input_count());
    let scope = Scope::default();
    let (time, input) = places.first(inputs);
    let at = FlowAt {
        model,
        scope: &scope,
        time,
        input: &input,
    };
    let sparsity = model.sparsity();
    let columns = d + wanted.len();
    let mut known = KnownPattern::new(
        Structure::of(&at, p, wanted),
        &sparsity,
        (columns, columns),
        ("Flow::sparsity", || "flow".into()),
    )?;
    let Sparsity::Declared(pairs) = sparsity else {
        return Ok(known);
    };
    let place = |unknown: usize| match unknown.checked_sub(d) {
        None => Some(unknown),
        Some(p) => wanted.iter().position(|&w| w == p).map(|k| d + k),
    };
    known.rows = declared_rows(&pairs, (d, d + p), "Flow::sparsity", place)?;
    let pattern = Pattern::from_rows(columns, known.rows.iter().cloned());
    if pattern.entry_count() == d * columns {
        return Ok(known);
    }
    let [least, most] = CHECK_POINTS;
    let count = (CHECK_WORK / (pattern.entry_count() + d)).clamp(least, most);
    places.each((d, p, inputs), count, |point| {
        let at = FlowAt {
            time: point.time,
            input: &point.input,
            ..at
        };
        match lacking(&at, &pattern, wanted, (&point.state, &point.theta)) {
            None => Ok(()),
            Some((row, column, slope)) => Err(Error::IncompletePattern {
                place: format!("`Flow::sparsity`, t = {}", point.time),
                row,
                column: column.checked_sub(d).map_or(column, |k| d + wanted[k]),
                slope,
            }),
        }
    })?;
    Ok(known)
}

/// Declared pairs by rows, in columns as `place` gives them; pairs of unknowns that
/// have none are left out.
///
/// # Errors
/// [`Error::OutOfRange`] for a pair beyond the size of the Jacobian.
pub(crate) fn declared_rows(
    pairs: &[(usize, usize)],
    (rows, columns): (usize, usize),
    declaration: &str,
    place: impl Fn(usize) -> Option<usize>,
) -> Result<Vec<Vec<usize>>> {
    let mut by_row = vec![Vec::new(); rows];
    for (number, &(row, column)) in pairs.iter().enumerate() {
        for (what, found, count) in [
            ("row of a declared entry", row, rows),
            ("column of a declared entry", column, columns),
        ] {
            if found >= count {
                return Err(Error::OutOfRange {
                    what,
                    place: format!("`{declaration}`, pair {number}"),
                    low: 0.0,
                    high: count.saturating_sub(1) as f64,
                    found: found as f64,
                });
            }
        }
        by_row[row].extend(place(column));
    }
    Ok(by_row)
}

/// Derivatives of a flow: hand-written where the model has them, else dual.
#[derive(Debug, Clone)]
pub(crate) struct FlowDerivative {
    plan: Arc<FlowPlan>,
    differentiator: Differentiator,
    scratch: Vec<f64>,
    /// Many points at once.
    pub(crate) packed: Option<Packed>,
}

impl FlowDerivative {
    pub(crate) fn new(plan: Arc<FlowPlan>) -> Self {
        Self {
            differentiator: Differentiator::new(plan.plan.clone()),
            scratch: Vec::new(),
            packed: plan.passes.clone().map(Packed::new),
            plan,
        }
    }

    /// Columns: state components, then free parameters.
    pub(crate) fn pattern(&self) -> &Pattern {
        self.differentiator.pattern()
    }

    /// F at the point in `out`, the entries of its Jacobian in `entries`.
    #[inline]
    pub(crate) fn jacobian(
        &mut self,
        at: &FlowAt<'_>,
        x: &[f64],
        theta: &[f64],
        out: &mut [f64],
        entries: &mut [f64],
    ) {
        let width = at.model.width();
        let mut seen = theta;
        if !at.scope.drifting.is_empty() {
            self.scratch.clear();
            self.scratch.extend_from_slice(theta);
            at.scope.set_drifting(x, width, &mut self.scratch);
            seen = &self.scratch;
        }
        let columns = &self.plan.parameter_column;
        let mut by_hand = JacobianEntries::new(self.plan.plan.pattern(), columns, entries);
        let states = &x[..width];
        if at
            .model
            .jacobian(at.time, states, seen, at.input, &mut by_hand)
        {
            by_hand.clear();
            for (k, (_, drift)) in at.scope.drifting.iter().enumerate() {
                by_hand.set(width + k, width + k, -drift.rate);
            }
            at.model
                .values(at.time, states, seen, at.input, &mut out[..width]);
            at.scope.drift(x, width, out);
        } else {
            self.differentiator.jacobian(at, x, theta, out, entries);
        }
    }

    /// See [`Differentiator::contract`].
    pub(crate) fn contract(
        &mut self,
        at: &FlowAt<'_>,
        x: &[f64],
        theta: &[f64],
        weights: &[f64],
        add: impl FnMut(usize, usize, f64),
    ) {
        self.differentiator.contract(at, x, theta, weights, add);
    }
}
