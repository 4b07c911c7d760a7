//! Where a problem evaluates its model: the points at which a declared pattern is
//! compared with the model's derivatives.

use crate::problem::inputs::Inputs;

/// Times, inputs, states and parameters of a problem.
#[derive(Debug, Default)]
pub struct Places<'a> {
    /// The times of each window's layers, and its inputs.
    pub(crate) windows: Vec<(&'a [f64], Option<&'a Inputs>)>,
    /// By component; those behind the last are like it.
    pub(crate) states: Vec<Values>,
    pub(crate) parameters: Vec<Values>,
}

/// The values that an unknown may have.
#[derive(Debug, Clone, Copy)]
pub struct Values {
    /// Where it begins.
    pub(crate) start: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Values {
    /// Where nothing is known.
    pub(crate) const UNKNOWN: Self = Self {
        start: 0.5,
        low: -1.0,
        high: 1.0,
    };
}

/// A time, the inputs there, a state and all parameters.
#[derive(Debug, Default)]
pub(crate) struct Point {
    pub(crate) time: f64,
    pub(crate) input: Vec<f64>,
    pub(crate) state: Vec<f64>,
    pub(crate) theta: Vec<f64>,
}

/// Sizes and signs that nothing suggests.
const SIZES: [f64; 5] = [0.1, 1.0, 10.0, -1.0, 0.5];

/// Points at each layer of a map.
const LAYER_POINTS: usize = 16;

/// What inputs are where none are given.
const UNKNOWN_INPUT: f64 = 0.5;

impl Places<'_> {
    /// The first time of the problem and the inputs there.
    pub(crate) fn first(&self, inputs: usize) -> (f64, Vec<f64>) {
        let mut input = Vec::new();
        let Some((times, known)) = self.windows.first() else {
            return (0.25, vec![UNKNOWN_INPUT; inputs]);
        };
        let time = times.first().copied().unwrap_or(0.25);
        if let Some(known) = known {
            known.write(time, false, &mut input);
        }
        input.resize(inputs, UNKNOWN_INPUT);
        (time, input)
    }

    /// Calls `see` at up to about `most` times of all windows, layers and the middles
    /// between them alike, with inputs from both sides of a jump; and with states and
    /// parameters that change from one to the next, so that both sides of a threshold
    /// are met.
    pub(crate) fn each<E>(
        &self,
        (width, parameters, inputs): (usize, usize, usize),
        most: usize,
        mut see: impl FnMut(&Point) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut point = Point::default();
        let slots = |times: &[f64]| 2 * times.len() - usize::from(!times.is_empty());
        let all: usize = self.windows.iter().map(|(times, _)| slots(times)).sum();
        // An odd stride takes layers and middles in turn.
        let stride = all.div_ceil(most.max(1)) | 1;
        let mut number = 0;
        for (times, known) in &self.windows {
            for slot in (0..slots(times)).step_by(stride) {
                let right = times[slot.div_ceil(2)];
                point.time = 0.5 * (times[slot / 2] + right);
                for before in [false, true] {
                    point.input.clear();
                    match known {
                        Some(known) => known.write(point.time, before, &mut point.input),
                        // There is one side only.
                        None if before => continue,
                        None => {}
                    }
                    point.input.resize(inputs, UNKNOWN_INPUT);
                    self.fill(&mut point, (width, parameters), number);
                    see(&point)?;
                    number += 1;
                }
            }
        }
        Ok(())
    }

    /// Calls `see` with the inputs at layer `n` of a window that has it and one more,
    /// and the states of both, `width` components together.
    pub(crate) fn each_at_layer<E>(
        &self,
        n: usize,
        (width, parameters, inputs): (usize, usize, usize),
        mut see: impl FnMut(&Point) -> Result<(), E>,
    ) -> Result<(), E> {
        let windows = self.windows.iter();
        let mut with_layer = windows.filter(|(times, _)| n + 1 < times.len());
        let mut point = Point::default();
        let mut number = 0;
        let mut next = with_layer.next();
        // Each of the first windows, then more points of the last one.
        while let Some((times, known)) = next
            && number < LAYER_POINTS
        {
            point.time = times[n];
            point.input.clear();
            if let Some(known) = known {
                known.write(point.time, false, &mut point.input);
            }
            point.input.resize(inputs, UNKNOWN_INPUT);
            self.fill(&mut point, (width, parameters), number);
            see(&point)?;
            number += 1;
            next = with_layer.next().or(next);
        }
        Ok(())
    }

    /// State and parameters number so and so: of eight the first is where unknowns
    /// begin, the last one is of a size and sign that nothing suggests, and the others
    /// lie in the ranges of the unknowns.
    fn fill(&self, point: &mut Point, (width, parameters): (usize, usize), number: usize) {
        // Deterministic, and different for each unknown: multiples of the golden ratio.
        let turn = |k: usize| {
            let golden = 0.618_033_988_749_894_9;
            ((k + 1) as f64 * golden + 0.37 * number as f64).fract()
        };
        let size = SIZES[number / 8 % SIZES.len()];
        let value = |k: usize, of: &Values| match number % 8 {
            0 => of.start,
            7 => {
                size * (turn(k)
                    + if (number / 8).is_multiple_of(2) {
                        -0.5
                    } else {
                        0.5
                    })
            }
            _ => of.low + turn(k) * (of.high - of.low),
        };
        let of = |known: &[Values], i: usize| {
            let last = known.last().copied().unwrap_or(Values::UNKNOWN);
            known.get(i).copied().unwrap_or(last)
        };
        let states = (0..width).map(|i| value(i, &of(&self.states, i)));
        point.state.clear();
        point.state.extend(states);
        let theta = (0..parameters).map(|p| value(p + width, &of(&self.parameters, p)));
        point.theta.clear();
        point.theta.extend(theta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn places<'a>(times: &'a [f64], inputs: Option<&'a Inputs>) -> Places<'a> {
        let values = Values {
            start: 3.0,
            low: 2.0,
            high: 6.0,
        };
        Places {
            windows: vec![(times, inputs)],
            states: vec![values],
            parameters: vec![Values::UNKNOWN],
        }
    }

    #[test]
    fn all_times_and_both_sides_of_jumps_are_met_where_there_are_few() {
        let jump = Inputs::constant([0.0, 1.0], ndarray::array![[5.0], [9.0]]).unwrap();
        let times = [0.0, 1.0, 3.0];
        let (mut met, mut states) = (Vec::new(), Vec::new());
        let see = |point: &Point| {
            met.push((point.time, point.input[0]));
            states.push(point.state[1]);
            Ok::<(), Infallible>(())
        };
        places(&times, Some(&jump))
            .each((2, 1, 1), 100, see)
            .unwrap();
        for expected in [
            (0.0, 5.0),
            (0.5, 5.0),
            (1.0, 5.0),
            (1.0, 9.0),
            (2.0, 9.0),
            (3.0, 9.0),
        ] {
            assert!(met.contains(&expected), "{expected:?} of {met:?}");
        }
        // Of ten states one is the start and one is elsewhere; the range is met
        // below and above its middle.
        let inside = states.iter().filter(|v| (2.0..6.0).contains(*v));
        let above = inside.clone().filter(|v| **v > 4.0).count();
        assert_eq!(states[0], 3.0);
        assert!(above > 1 && above + 1 < inside.count());
    }

    #[test]
    fn many_times_are_thinned_to_about_so_many() {
        let times: Vec<f64> = (0..5000).map(f64::from).collect();
        let (mut count, mut middles) = (0, 0);
        let see = |point: &Point| {
            count += 1;
            middles += usize::from(point.time.fract() != 0.0);
            Ok::<(), Infallible>(())
        };
        places(&times, None).each((1, 1, 0), 100, see).unwrap();
        assert!((90..=110).contains(&count), "{count}");
        assert!((40..=60).contains(&middles), "{middles}");
    }
}
