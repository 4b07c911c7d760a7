use super::{Action, ActionTerms, PrecisionUnit};
use crate::discretization::{Evaluator, Rule, Span};
use crate::error::{Error, Result};
use crate::linalg::{ArrowShape, BlockArrow, vectorize};
use crate::minimize::{Curvature, Indefinite, Objective, QuadraticStep, solve_box};
use crate::model::Model;
use crate::precision::check_positive;

/// An action at one value of R_f, with the memory that evaluations need.
///
/// The unknowns are all states, window by window and layer by layer, then the
/// estimated parameters: [`Action::pack`].
pub struct ActionAt<'a, M: Model, R: Rule<M>> {
    pub(super) action: &'a Action<M, R>,
    pub(super) rf: f64,
    pub(super) evaluator: R::Evaluator,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
    pub(super) work: Workspace,
    /// Made at the first Newton step: L-BFGS needs none.
    arrow: Option<BlockArrow>,
}

/// Buffers of one interval and of the parameters.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    /// All P parameters.
    pub(super) theta: Vec<f64>,
    /// Residuals g.
    pub(super) g: Vec<f64>,
    /// Weighted residuals R g.
    pub(super) v: Vec<f64>,
    /// A dense Jacobian of one interval, for correlated model errors.
    pub(super) dense: Vec<f64>,
}

/// What one pass over all intervals is for.
enum Pass<'a> {
    Value,
    Gradient(&'a mut [f64]),
}

impl<'a, M: Model, R: Rule<M>> ActionAt<'a, M, R> {
    pub(super) fn new(action: &'a Action<M, R>, rf: f64) -> Result<Self> {
        check_positive("R_f", || "objective".into(), rf)?;
        let layout = action.layout();
        let most = layout.windows.iter().map(|w| w.intervals()).max();
        let evaluator = action
            .rule
            .evaluator(&action.model, most.unwrap_or(0), &layout.free);
        let n = layout.dimension();
        let mut at = Self {
            action,
            rf,
            evaluator,
            lower: vec![f64::NEG_INFINITY; n],
            upper: vec![f64::INFINITY; n],
            scales: vec![1.0; n],
            work: Workspace {
                theta: vec![0.0; action.parameters.len()],
                ..Workspace::default()
            },
            arrow: None,
        };
        for (slot, &k) in (layout.border()..).zip(&layout.free) {
            let parameter = &action.parameters[k];
            at.lower[slot] = parameter.bounds.lower();
            at.upper[slot] = parameter.bounds.upper();
            at.scales[slot] = parameter.scale();
        }
        let residuals = (0..most.unwrap_or(0)).map(|k| at.evaluator.residual_count(k));
        let most = residuals.max().unwrap_or(0);
        at.work.g.resize(most, 0.0);
        at.work.v.resize(most, 0.0);
        Ok(at)
    }

    /// The model precision R_f.
    #[must_use]
    pub fn rf(&self) -> f64 {
        self.rf
    }

    /// Moves to another model precision; memory is kept.
    ///
    /// # Errors
    /// As [`Action::at`].
    pub fn set_rf(&mut self, rf: f64) -> Result<()> {
        check_positive("R_f", || "objective".into(), rf)?;
        self.rf = rf;
        Ok(())
    }

    /// Measures each state component in units of its spread along the path
    /// `x`, so that steps, trust region and stopping do not depend on units.
    /// A component that is constant there takes the mean spread of the others.
    pub(crate) fn scale_from(&mut self, x: &[f64]) {
        let layout = self.action.layout();
        let widest = layout
            .windows
            .iter()
            .flat_map(|w| (0..w.layers()).map(|n| w.layer(n).len()));
        let width = widest.max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0, 0.0); width];
        let layers = || {
            let windows = layout.windows.iter();
            windows.flat_map(|w| (0..w.layers()).map(|n| w.layer(n)))
        };
        for layer in layers() {
            for ((count, sum, squares), v) in sums.iter_mut().zip(&x[layer]) {
                *count += 1.0;
                *sum += v;
                *squares += v * v;
            }
        }
        let spread = |&(count, sum, squares): &(f64, f64, f64)| {
            let mean = sum / count;
            // Below rounding of the mean a spread is none.
            let variance = squares / count - mean * mean;
            let floor = 1e-14 * mean * mean;
            if variance > floor {
                variance.sqrt()
            } else {
                0.0
            }
        };
        let spreads: Vec<f64> = sums.iter().map(spread).collect();
        let moving = spreads.iter().filter(|s| **s > 0.0);
        let count = moving.clone().count();
        let fallback = if count > 0 {
            moving.sum::<f64>() / count as f64
        } else {
            1.0
        };
        for layer in layers() {
            for (slot, &s) in self.scales[layer].iter_mut().zip(&spreads) {
                *slot = if s > 0.0 { s } else { fallback };
            }
        }
    }

    /// The action's terms at a vector of unknowns (NaN where its length is
    /// wrong).
    #[must_use]
    pub fn terms(&mut self, x: &[f64]) -> ActionTerms {
        self.pass(x, Pass::Value)
    }

    /// Weight of residual group `r` of an interval of length `h`, to multiply
    /// the shape of the model precision.
    #[inline]
    pub(super) fn group_weight(&self, r: usize, h: f64) -> f64 {
        let rf = self.rf * self.action.model_weight;
        match self.action.precision_unit {
            PrecisionUnit::PerStep => rf,
            PrecisionUnit::PerTime => rf * self.action.rule.per_time()[r] / h,
        }
    }

    /// Writes v = R g for one interval and returns ½ gᵀ R g.
    #[inline]
    pub(super) fn weigh(&mut self, count: usize, h: f64) -> f64 {
        let groups = self.action.rule.per_time().len();
        let width = count / groups;
        let mut sum = 0.0;
        for r in 0..groups {
            let weight = self.group_weight(r, h);
            let range = r * width..(r + 1) * width;
            let (g, v) = (&self.work.g[range.clone()], &mut self.work.v[range]);
            sum += self.action.model_shape.weigh(weight, g, v);
        }
        0.5 * sum
    }

    fn pass(&mut self, x: &[f64], mut pass: Pass<'_>) -> ActionTerms {
        if x.len() != self.dimension() {
            return ActionTerms {
                total: f64::NAN,
                ..ActionTerms::default()
            };
        }
        let action = self.action;
        let layout = action.layout();
        action.all_parameters(x, &mut self.work.theta);
        if let Pass::Gradient(gradient) = &mut pass {
            gradient.fill(0.0);
        }
        let mut sums = (0.0, 0.0);
        let mut model = 0.0;
        for (w, window) in layout.windows.iter().enumerate() {
            for k in 0..window.intervals() {
                model += self.interval(x, w, k, &mut pass);
            }
            for n in 0..window.layers() {
                let layer = window.layer(n);
                let gradient = match &mut pass {
                    Pass::Value => None,
                    Pass::Gradient(gradient) => Some(&mut gradient[layer.clone()]),
                };
                action.terms[w].evaluate(n, &x[layer], &mut sums, gradient);
            }
        }
        sums.1 += self.parameter_priors(x, &mut pass);
        ActionTerms {
            total: sums.0 + model + sums.1,
            measurement: sums.0,
            model,
            prior: sums.1,
        }
    }

    #[inline]
    fn interval(&mut self, x: &[f64], w: usize, k: usize, pass: &mut Pass<'_>) -> f64 {
        let action = self.action;
        let window = &action.layout().windows[w];
        let span = span(
            action.windows[w].grid().times(),
            window.first(k),
            action.rule.steps(),
            k,
        );
        let states = window.span(k);
        let count = self.evaluator.residual_count(k);
        let (theta, g) = (&self.work.theta, &mut self.work.g[..count]);
        match pass {
            Pass::Value => {
                self.evaluator
                    .residual(&action.model, span, &x[states], theta, g);
                self.weigh(count, span.length())
            }
            Pass::Gradient(gradient) => {
                self.evaluator
                    .linearize(&action.model, span, &x[states.clone()], theta, g);
                let value = self.weigh(count, span.length());
                let (states_part, border) = gradient.split_at_mut(action.layout().border());
                self.evaluator
                    .pullback(&self.work.v[..count], &mut states_part[states], border);
                value
            }
        }
    }

    /// The first residual that is not finite at `x`, as an error.
    pub(crate) fn locate_non_finite(&mut self, x: &[f64]) -> Error {
        let action = self.action;
        action.all_parameters(x, &mut self.work.theta);
        for (w, window) in action.layout().windows.iter().enumerate() {
            for k in 0..window.intervals() {
                self.interval(x, w, k, &mut Pass::Value);
                let count = self.evaluator.residual_count(k);
                let g = &self.work.g[..count];
                if let Some(i) = g.iter().position(|v| !v.is_finite()) {
                    let groups = action.rule.per_time().len();
                    return Error::ModelNotFinite {
                        place: format!("window {w}, interval from layer {}", window.first(k)),
                        component: i % (count / groups),
                        found: g[i],
                    };
                }
            }
        }
        Error::ModelNotFinite {
            place: "derivatives at the start".into(),
            component: 0,
            found: f64::NAN,
        }
    }

    fn parameter_priors(&self, x: &[f64], pass: &mut Pass<'_>) -> f64 {
        let layout = self.action.layout();
        let mut sum = 0.0;
        for (slot, &k) in (layout.border()..).zip(&layout.free) {
            if let Some(prior) = self.action.parameters[k].prior {
                let error = x[slot] - prior.mean;
                sum += 0.5 * prior.precision * error * error;
                if let Pass::Gradient(gradient) = pass {
                    gradient[slot] += prior.precision * error;
                }
            }
        }
        sum
    }

    /// Factors the damped Hessian at `x`, with −gradient as right-hand side.
    fn factor(
        &mut self,
        arrow: &mut BlockArrow,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
    ) -> std::result::Result<(), Indefinite> {
        let rhs: Vec<f64> = gradient.iter().map(|g| -g).collect();
        self.action.all_parameters(x, &mut self.work.theta);
        arrow
            .factor(&rhs, |chain, k, front| {
                self.assemble(x, (chain, k), curvature, damping, front);
            })
            .map_err(|_| Indefinite { pivot: f64::NAN })
    }

    /// Solves for the step once the Hessian is factored; the border's part is
    /// the exact minimum of the reduced quadratic within its bounds. Returns
    /// μᵀs, the work of the bounds' multipliers.
    fn step(
        &self,
        arrow: &mut BlockArrow,
        x: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<f64, Indefinite> {
        let border = self.action.layout().border();
        let free = x.len() - border;
        let mut z = vec![0.0; free];
        let indefinite = Indefinite { pivot: f64::NAN };
        arrow.solve_border(&mut z).map_err(|_| indefinite)?;
        let room = |bound: &[f64], k: usize| bound[border + k] - x[border + k];
        let inside = |k: usize, z: f64| room(&self.lower, k) <= z && z <= room(&self.upper, k);
        let mut work = 0.0;
        if !z.iter().enumerate().all(|(k, &z)| inside(k, z)) {
            let lower: Vec<f64> = (0..free).map(|k| room(&self.lower, k)).collect();
            let upper: Vec<f64> = (0..free).map(|k| room(&self.upper, k)).collect();
            let rhs = arrow.border_rhs().to_vec();
            work = solve_box(arrow.border_matrix(), &rhs, (&lower, &upper), &mut z);
        }
        arrow.back_substitute(&z, step).map_err(|_| indefinite)?;
        Ok(work)
    }
}

/// Interval `k`, which begins at layer `first`.
pub(super) fn span(times: &[f64], first: usize, steps: usize, k: usize) -> Span<'_> {
    Span {
        index: k,
        times: &times[first..=first + steps],
        follows: k > 0,
    }
}

impl<M: Model, R: Rule<M>> Objective for ActionAt<'_, M, R> {
    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn lower(&self) -> &[f64] {
        &self.lower
    }

    fn upper(&self) -> &[f64] {
        &self.upper
    }

    fn scales(&self) -> &[f64] {
        &self.scales
    }

    fn value(&mut self, x: &[f64]) -> f64 {
        vectorize(|| self.pass(x, Pass::Value).total)
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        vectorize(|| self.pass(x, Pass::Gradient(gradient)).total)
    }

    fn newton_step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let mut arrow = match self.arrow.take() {
            Some(arrow) => arrow,
            None => self.new_arrow()?,
        };
        let factored = self.factor(&mut arrow, x, curvature, damping, gradient);
        let result = factored.and_then(|()| self.step(&mut arrow, x, step));
        self.arrow = Some(arrow);
        let multipliers = result?;
        let mut slope = 0.0;
        let mut damped = 0.0;
        for ((s, g), scale) in step.iter().zip(gradient).zip(&self.scales) {
            slope -= g * s;
            damped += (s / scale).powi(2);
        }
        // (H + λS⁻²)s = −g + μ, so sᵀHs = −gᵀs + μᵀs − λ|s/S|².
        let predicted_decrease = 0.5 * (slope - multipliers + damping * damped);
        if predicted_decrease.is_finite() {
            Ok(QuadraticStep { predicted_decrease })
        } else {
            Err(Indefinite { pivot: f64::NAN })
        }
    }
}

impl<M: Model, R: Rule<M>> ActionAt<'_, M, R> {
    fn new_arrow(&self) -> std::result::Result<BlockArrow, Indefinite> {
        let layout = self.action.layout();
        let chains = layout.windows.iter().map(|w| w.chain()).collect();
        ArrowShape::new(chains, layout.free.len())
            .map(BlockArrow::new)
            .map_err(|_| Indefinite { pivot: f64::NAN })
    }
}
