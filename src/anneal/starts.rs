//! Where an annealing begins: initial paths and parameters.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::rest::{guess_parameters, mean, path_of};
use super::settling::{Settler, Settling};
use super::signal::Signal;
use super::{coarse, growing, nudging};
use crate::action::{Action, Estimate};
use crate::error::Result;
use crate::minimize::Work;
use crate::problem::path::Path;

/// How initial paths are made.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let action = Action::builder(Lorenz63, SimpsonHermite)
/// #     .window(twin.window()?)
/// #     .parameter("sigma", Parameter::fixed(10.0))
/// #     .parameter("rho", Bounds::new(0.0, 60.0)?)
/// #     .parameter("beta", Parameter::fixed(8.0 / 3.0))
/// #     .build()?;
/// let kinds = Starts::Mixed(vec![Starts::Nudged, Starts::Mean]);
/// let annealer = Annealer::new(Schedule::adaptive()).starts(2).start_with(kinds);
/// let annealing = annealer.run(&action)?;
/// assert_eq!(annealing.starts[1].kind, "mean");
/// # Ok(())
/// # }
/// ```
#[doc(alias("multi-start", "basin hopping", "global minimum", "initial guess"))]
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Starts {
    /// The model is integrated forward from a random first state and pulled
    /// towards the data, ẋ = F(x) + K (y(t) − x) on the observed components,
    /// with y interpolated between its times. Each start tries the gains K·Δ =
    /// 1/8, 1/4, 1/2 and 1, with many guesses of the parameters, and goes on with
    /// what has the lowest action. Layer maps run forward from the first layer in
    /// the same way. A window in which no path stays near the data rests as in
    /// [`Mean`](Self::Mean); results then name such a start "nudged in part".
    #[default]
    Nudged,
    /// Observed components follow the interpolated data; the others stay at
    /// the mean of the first state's prior, in the middle of their bounds, or at the
    /// mean of all observations in their own unit, which a run of the model tells to a
    /// power of a thousand. Where no
    /// parameter is estimated there is only one such start, and it is run once.
    Mean,
    /// Observed components follow the interpolated data, in the layers of a map only
    /// where they were measured; the others are drawn uniformly from the range of
    /// the data at every layer.
    Uniform,
    /// Observed components follow the interpolated data; the others are smooth
    /// random series around where they rest: eight harmonics of the window with
    /// amplitudes like 1/k.
    Smooth,
    /// Nudged over the first layers only, 36 times with the gains K·Δ = 1/16 and 1/8
    /// by turns and 32 guesses of states and parameters each, and settled there; the
    /// lowest is nudged on from its last state, part by part, and settled again each
    /// time. From the last layers, which are nearest to the truth by then, it grows
    /// back to the first and on again, as long as the action falls and is above
    /// what noise explains. The first part has at least 8 measured values for each
    /// unknown of a first state and each parameter. Of a chaotic model that is
    /// observed sparsely, this finds the lowest minimum where the whole window
    /// holds too many.
    Growing,
    /// Nudged on every fourth layer, and settled there; then settled on every
    /// second, and on all. It is a [`Nudged`](Self::Nudged) start that tries in a
    /// quarter of the time, for flows whose steps are short. Where layers are no
    /// instants of a flow, or too little was measured on every fourth, it is just
    /// that, and results name it so.
    CoarseToFine,
    /// The given estimate: one start, however many are asked for.
    Given(Estimate),
    /// The first start is of the first kind, the second of the second, and so
    /// on, over and over.
    Mixed(Vec<Starts>),
}

impl Starts {
    /// What [races](crate::Annealer::race) begin with: three starts on growing
    /// windows, one that is nudged all the way, one at the mean, over and over.
    #[must_use]
    pub fn portfolio() -> Self {
        Self::Mixed(vec![
            Self::Growing,
            Self::Growing,
            Self::Growing,
            Self::Nudged,
            Self::Mean,
        ])
    }

    /// The kind of start `index`.
    pub(super) fn of(&self, index: usize) -> &Self {
        let Self::Mixed(kinds) = self else {
            return self;
        };
        let Some(kind) = kinds.get(index % kinds.len().max(1)) else {
            return &Self::Nudged;
        };
        // A mixture in a mixture goes on where it stopped.
        let same = |kinds: &[Self]| kinds.iter().filter(|other| *other == kind).count();
        let before = same(&kinds[..index % kinds.len()]);
        let number = index / kinds.len() * same(kinds) + before;
        kind.of(number)
    }

    /// Whether there is a mixture of nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Mixed(kinds) => kinds.is_empty() || kinds.iter().any(Self::is_empty),
            _ => false,
        }
    }

    /// The name that results use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nudged => "nudged",
            Self::Mean => "mean",
            Self::Uniform => "uniform",
            Self::Smooth => "smooth",
            Self::Growing => "growing",
            Self::CoarseToFine => "coarse-to-fine",
            Self::Given(_) => "given",
            Self::Mixed(_) => "mixed",
        }
    }

    /// The same for a start that is gone on with, in some windows of which nothing may
    /// have stayed near the data.
    fn settled_name(&self, in_part: bool) -> &'static str {
        match self {
            Self::Nudged if in_part => "nudged in part",
            Self::Growing if in_part => "growing in part",
            Self::CoarseToFine if in_part => "coarse-to-fine in part",
            _ => self.name(),
        }
    }

    /// How many of `asked` starts differ from each other.
    pub(super) fn distinct(&self, action: &Action, asked: usize) -> usize {
        let one = match self {
            Self::Given(_) => true,
            Self::Mean => action.parameters().all(|(_, p)| p.fixed.is_some()),
            _ => false,
        };
        if one { asked.min(1) } else { asked }
    }
}

/// An own seed for each start, below 2⁵³ so that JSON holds it.
pub(super) fn seed_of(seed: u64, start: usize) -> u64 {
    // SplitMix64 (Steele, Lea, Flood 2014) on a counter.
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(start as u64 + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) >> 11
}

/// Where one start begins.
pub(super) struct Start {
    /// The vector of unknowns.
    pub(super) x: Vec<f64>,
    /// The R_f that it is a minimum for, or zero.
    pub(super) rf: f64,
    /// How it was made.
    pub(super) kind: &'static str,
    /// What it took.
    pub(super) work: Work,
}

/// The beginning of start `index`.
pub(super) fn make(
    action: &Action,
    starts: &Starts,
    (index, seed): (usize, u64),
    settling: Settling<'_>,
) -> Result<Start> {
    let starts = starts.of(index);
    let plain = |x, kind| Start {
        x,
        rf: 0.0,
        kind,
        work: Work::default(),
    };
    if let Starts::Given(estimate) = starts {
        return Ok(plain(action.pack(estimate)?, starts.name()));
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut settler = Settler::new(settling);
    let (settled, kind) = match starts {
        Starts::Growing => (growing::grow(action, &mut rng, &mut settler)?, starts),
        Starts::Nudged => (nudging::nudge(action, &mut rng, &mut settler)?, starts),
        Starts::CoarseToFine => match coarse::refine(action, &mut rng, &mut settler)? {
            Some((x, true)) => (Some(x), starts),
            nudged => (nudged.map(|(x, _)| x), &Starts::Nudged),
        },
        _ => (None, starts),
    };
    if let Some(x) = settled {
        return Ok(Start {
            x,
            rf: settler.rf(),
            kind: kind.settled_name(settler.has_lost()),
            work: settler.work(),
        });
    }
    let signals = Signal::of_all(action);
    let parameters = guess_parameters(action, index == 0, &mut rng);
    let (kind, path): (_, MakePath) = match starts {
        Starts::Uniform => (starts, uniform),
        Starts::Smooth => (starts, smooth),
        _ => (&Starts::Mean, |action, w, signal, _| {
            mean(action, w, signal)
        }),
    };
    let paths = signals.iter().enumerate();
    let paths = paths.map(|(w, signal)| path(action, w, signal, &mut rng));
    let estimate = Estimate::new(paths.collect(), parameters);
    Ok(plain(action.pack(&estimate)?, kind.name()))
}

/// Makes the path of one window.
type MakePath = fn(&Action, usize, &Signal<'_>, &mut Xoshiro256PlusPlus) -> Path;

fn uniform(action: &Action, w: usize, signal: &Signal<'_>, rng: &mut Xoshiro256PlusPlus) -> Path {
    // Between the layers of a map there is nothing to interpolate.
    let in_time = action.dynamics().is_in_time();
    let between = |n: usize, i: usize| in_time.then(|| signal.value(n, i)).flatten();
    let layout = &action.layout().windows[w];
    Path::from_layers((0..layout.layers()).map(|n| {
        let mut component = |i| {
            let (low, high) = signal.range(i);
            let drawn = low + (high - low) * rng.random::<f64>();
            signal.measured(n, i).or(between(n, i)).unwrap_or(drawn)
        };
        let width = layout.state(n).len();
        (0..width).map(&mut component).collect::<Vec<_>>()
    }))
}

/// Harmonics of a smooth random series.
const HARMONICS: usize = 8;

fn smooth(action: &Action, w: usize, signal: &Signal<'_>, rng: &mut Xoshiro256PlusPlus) -> Path {
    let layout = &action.layout().windows[w];
    let widths = (0..layout.layers()).map(|n| layout.state(n).len());
    // The variance of a sum of cosines with amplitudes 1/k is ½ Σ 1/k².
    let inverse_squares = (1..=HARMONICS).map(|k| (k as f64).powi(-2));
    let unit = (0.5 * inverse_squares.sum::<f64>()).sqrt().recip();
    let series: Vec<Vec<(f64, f64)>> = (0..widths.max().unwrap_or(0))
        .map(|i| {
            let size = unit * signal.unrest(i);
            let harmonic = |k: usize| {
                let (z, u): (f64, f64) = (StandardNormal.sample(rng), rng.random());
                (size * z / k as f64, std::f64::consts::TAU * u)
            };
            (1..=HARMONICS).map(harmonic).collect()
        })
        .collect();
    let times = action.windows()[w].grid().times();
    let (first, last) = (times[0], times[times.len() - 1]);
    path_of(action, w, signal, |n, i| {
        // Half a turn, so that both ends may differ.
        let phase = std::f64::consts::PI * (times[n] - first) / (last - first);
        let waves = series[i].iter().zip(1..);
        let waves = waves.map(|((size, shift), k)| size * (f64::from(k) * phase + shift).cos());
        signal.inside(i, signal.rest(i) + waves.sum::<f64>())
    })
}
