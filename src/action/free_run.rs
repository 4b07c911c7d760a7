//! In which unit each state component is, beside those that were measured.
//!
//! What nobody measured has no scale of its own in the data. The model knows it: what
//! drives a hidden component, or what a measured one asks of it, has its unit.

use super::Action;
use super::series::Series;
use super::units::Units;
use crate::discretization::{Pull, Span, Target};

/// Units are so many powers of ten apart: milli, micro and so on. Sizes that are nearer
/// to each other have one unit.
const APART: f64 = 3.0;

/// And no more of these steps than so many from what is usual.
const MOST: f64 = 10.0;

/// Windows along which the model is run.
const WINDOWS: usize = 8;

/// Attempts at one run, each with twice the gain and the sub-steps.
const ATTEMPTS: u8 = 4;

/// A run whose measured components are so many times larger than the data is no run.
const LOST: f64 = 100.0;

/// Sizes that are tried where a component that begins at zero stays there: powers of
/// ten of what is usual, those nearest to it first.
const TRIED: i32 = 12;

/// A size is better than another where the data are followed closer by this part.
const CLOSER: f64 = 0.01;

impl Action {
    /// The units of state components: of one that was measured from its values, of
    /// another from a run of the model with the guessed parameters in which the
    /// measured components are pulled along the data and the others begin at zero, the
    /// first state's prior or the middle of their bounds.
    pub(crate) fn units(&self) -> &Units {
        self.units.get_or_init(|| self.find_units())
    }

    fn find_units(&self) -> Units {
        let windows = self.windows.iter();
        let series: Vec<Series> = windows.map(Series::of).collect();
        let measured = self.measured_sizes(&series);
        let mut sorted: Vec<f64> = measured.iter().copied().flatten().collect();
        let usual = median(&mut sorted).unwrap_or(1.0);
        let mut units = Units {
            of: Vec::new(),
            usual,
        };
        let Some(width) = self.one_width() else {
            return units;
        };
        let mut sizes = measured;
        sizes.resize(width, None);
        if sizes.iter().any(Option::is_none) {
            let run = FreeRun {
                action: self,
                series: &series,
                measured: &sizes,
            };
            sizes = run.sizes(usual);
        }
        let unit = |size: &Option<f64>| size.map_or(1.0, |size| unit_near(size / usual));
        units.of = sizes.iter().map(unit).collect();
        units
    }

    /// The width of all layers, where it is one and they are those of no network.
    fn one_width(&self) -> Option<usize> {
        if self.dynamics.dense(0).is_some() {
            return None;
        }
        let windows = self.layout.windows.iter();
        let mut widths = windows.flat_map(|w| (0..w.layers()).map(|n| w.state(n).len()));
        let width = widths.next()?;
        widths.all(|other| other == width).then_some(width)
    }

    /// The median size of each component's values, or of their errors where most of
    /// them are zero.
    fn measured_sizes(&self, series: &[Series]) -> Vec<Option<f64>> {
        let mut values: Vec<Vec<f64>> = Vec::new();
        for &(i, y) in series.iter().flat_map(|series| &series.values) {
            if values.len() <= i {
                values.resize(i + 1, Vec::new());
            }
            values[i].push(y.abs());
        }
        let sizes = values.iter_mut().enumerate().map(|(i, values)| {
            let size = typical(values)?;
            match size > 0.0 {
                true => Some(size),
                false => self.deviation_of(i),
            }
        });
        sizes.collect()
    }

    /// The standard deviation of an error of component `i`.
    fn deviation_of(&self, i: usize) -> Option<f64> {
        let mut sets = self.windows.iter().flat_map(|w| w.observation_sets());
        sets.find_map(|set| {
            let column = set.components()?.iter().position(|c| *c == i)?;
            let precision = set.precision(0).marginal(&[column]);
            Some(precision[(0, 0)].sqrt().recip())
        })
    }
}

/// Runs of the model along the data.
struct FreeRun<'a> {
    action: &'a Action,
    series: &'a [Series],
    /// The sizes of measured components.
    measured: &'a [Option<f64>],
}

/// What came of a run.
struct Ran {
    /// The sizes of all values, by component.
    sizes: Vec<Vec<f64>>,
    /// How far from the data it was, in sizes of theirs.
    distance: f64,
}

impl FreeRun<'_> {
    /// The sizes of all components, as far as they show.
    fn sizes(&self, usual: f64) -> Vec<Option<f64>> {
        let mut sizes = self.measured.to_vec();
        let hidden: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i].is_none()).collect();
        let mut begin: Vec<f64> = vec![0.0; sizes.len()];
        if let Some(mut ran) = self.run(&begin) {
            for &i in &hidden {
                sizes[i] = typical(&mut ran.sizes[i]).filter(|size| *size > 0.0);
            }
        }
        for i in hidden {
            if sizes[i].is_none() {
                begin[i] = self.closest(&begin, i, usual).unwrap_or(0.0);
                sizes[i] = Some(begin[i]).filter(|size| *size > 0.0);
            }
        }
        sizes
    }

    /// The value of component `i` from which a run follows the data closest.
    fn closest(&self, begin: &[f64], i: usize, usual: f64) -> Option<f64> {
        let mut best: Option<(f64, f64)> = None;
        let powers = (0..=TRIED).flat_map(|k| [k, -k]).skip(1);
        for size in powers.map(|k| usual * 10_f64.powi(k)) {
            let mut begin = begin.to_vec();
            begin[i] = size;
            let Some(ran) = self.run(&begin) else {
                continue;
            };
            let closer = |(least, _): &(f64, f64)| ran.distance < (1.0 - CLOSER) * least;
            if best.as_ref().is_none_or(closer) {
                best = Some((ran.distance, size));
            }
        }
        best.map(|(_, size)| size)
    }

    /// A run through the first windows.
    fn run(&self, begin: &[f64]) -> Option<Ran> {
        (0..ATTEMPTS).find_map(|attempt| self.attempt(begin, usize::from(1_u8 << attempt)))
    }

    fn attempt(&self, begin: &[f64], finer: usize) -> Option<Ran> {
        let mut ran = Ran {
            sizes: vec![Vec::new(); begin.len()],
            distance: 0.0,
        };
        for w in 0..self.series.len().min(WINDOWS) {
            let mut state: Vec<f64> = (0..begin.len()).map(|i| self.first(w, i, begin)).collect();
            for n in 0..self.action.layout.windows[w].layers() - 1 {
                state = self.step((w, n), &state, finer);
                self.note(w, n + 1, &state, &mut ran)?;
            }
        }
        Some(ran)
    }

    /// Where component `i` begins in window `w`.
    fn first(&self, w: usize, i: usize, begin: &[f64]) -> f64 {
        let prior = self.action.windows[w].state_prior();
        let prior = prior.and_then(|prior| prior.mean.get(i)).copied();
        let bounds = self.bounds(i);
        let middle = bounds.and_then(|b| Some(b.lower() + 0.5 * b.width()?));
        let data = self.series[w].at(0, i);
        let from = data.or(prior).or(middle).unwrap_or(0.0);
        let from = if begin[i] == 0.0 { from } else { begin[i] };
        bounds.map_or(from, |b| b.nearest(from))
    }

    fn bounds(&self, i: usize) -> Option<crate::problem::bounds::Bounds> {
        let mut bounds = self.action.state_bounds.iter();
        bounds.find(|(c, _)| *c == i).map(|(_, bounds)| *bounds)
    }

    /// One step from layer `n` on.
    fn step(&self, (w, n): (usize, usize), state: &[f64], finer: usize) -> Vec<f64> {
        let series = &self.series[w];
        let targets = (0..state.len()).filter_map(|i| {
            Some(Target {
                component: i,
                begin: series.at(n, i)?,
                end: series.at(n + 1, i)?,
            })
        });
        let pull = Pull {
            targets: &targets.collect::<Vec<_>>(),
            gain: finer as f64,
            substeps: finer,
        };
        let window = &self.action.windows[w];
        let span = Span {
            index: n,
            times: &window.grid().times()[n..n + 2],
            follows: false,
            followed: false,
            inputs: window.known_inputs(),
        };
        let mut next = vec![0.0; state.len()];
        let Action {
            dynamics, initial, ..
        } = self.action;
        dynamics.advance(span, state, initial, &pull, &mut next);
        for (i, v) in next.iter_mut().enumerate() {
            *v = self.bounds(i).map_or(*v, |b| b.nearest(*v));
        }
        next
    }

    /// Notes a state; `None` where it is nowhere near the data.
    fn note(&self, w: usize, n: usize, state: &[f64], ran: &mut Ran) -> Option<()> {
        for (i, (v, sizes)) in state.iter().zip(&mut ran.sizes).enumerate() {
            if let (Some(y), Some(size)) = (self.series[w].at(n, i), self.measured[i]) {
                let far = (v - y).abs();
                // NaN is not near.
                let near = far <= LOST * (size + y.abs());
                if !near {
                    return None;
                }
                ran.distance += far / size;
            }
            sizes.push(v.is_finite().then_some(v.abs())?);
        }
        Some(())
    }
}

/// The median of sizes, or their root mean square where that is zero.
fn typical(sizes: &mut [f64]) -> Option<f64> {
    let squares = sizes.iter().map(|v| v * v).sum::<f64>();
    let root = (squares / sizes.len() as f64).sqrt();
    let median = median(sizes)?;
    Some(if median > 0.0 { median } else { root })
}

/// The lower median.
fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

/// The nearest unit.
fn unit_near(ratio: f64) -> f64 {
    let steps = (ratio.log10() / APART).round();
    match steps.is_finite() {
        true => 10_f64.powi((APART * steps.clamp(-MOST, MOST)) as i32),
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use crate::models::{Lorenz63, LotkaVolterra};
    use crate::prelude::*;

    /// A model with its last component in another unit.
    struct InUnits<M> {
        model: M,
        per_unit: f64,
    }

    impl<M: Model> Model for InUnits<M> {
        fn parameter_count(&self) -> usize {
            self.model.parameter_count()
        }
    }

    impl<M: Flow> Flow for InUnits<M> {
        fn width(&self) -> usize {
            self.model.width()
        }
        fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
            let last = x.len() - 1;
            let mut own = x.to_vec();
            own[last] = x[last] * S::from(self.per_unit.recip());
            self.model.flow(t, &own, theta, input, dx);
            dx[last] *= S::from(self.per_unit);
        }
    }

    /// The units where the first component of a run from `first` was measured.
    fn units<M: Flow>(model: M, theta: &[f64], first: &[f64], per_unit: f64) -> Vec<f64> {
        let grid = Grid::uniform(0.0, 0.02, 201).unwrap();
        let truth = Simulation::new(grid, theta.to_vec()).from_state(first.to_vec());
        let truth = truth.flow(&model).unwrap();
        let twin = truth.observe(&Measurement::new(&[0], Noise::scalar(0.01).unwrap()));
        let model = InUnits { model, per_unit };
        let mut builder = Action::builder(model, Trapezoid).window(twin.unwrap().window().unwrap());
        for (k, value) in theta.iter().enumerate() {
            builder = builder.parameter(format!("p{k}"), Parameter::fixed(*value));
        }
        let action = builder.build().unwrap();
        let units = action.units();
        (0..first.len()).map(|i| units.of(i)).collect()
    }

    #[test]
    fn a_hidden_component_has_the_unit_in_which_the_model_drives_it() {
        for per_unit in [1e-9, 1e-3, 1.0, 1e3, 1e6] {
            let theta = [10.0, 28.0, 8.0 / 3.0];
            let units = units(Lorenz63, &theta, &[-6.0, -7.0, 24.0], per_unit);
            assert_eq!(units[..2], [1.0; 2]);
            approx::assert_relative_eq!(units[2], per_unit, max_relative = 1e-12);
        }
    }

    /// No predators that are none become some: what their prey does tells how many.
    #[test]
    fn a_hidden_component_that_stays_at_zero_has_the_unit_that_the_data_ask_for() {
        for per_unit in [1e-6, 1.0, 1e6] {
            let units = units(LotkaVolterra, &[1.0, 0.5, 0.8, 0.4], &[2.0, 1.0], per_unit);
            assert_eq!(units[0], 1.0);
            approx::assert_relative_eq!(units[1], per_unit, max_relative = 1e-12);
        }
    }
}
