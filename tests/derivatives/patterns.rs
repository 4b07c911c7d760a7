//! Patterns of Jacobians: who must declare one, what is wrong with a declared one, and
//! that all is known when an action is built.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::differences::check;
use deepest::prelude::*;
use deepest::{Error, Rule, Sparsity};
use ndarray::Array2;

/// How a ring of sites is coupled to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Coupling {
    /// With a comparison of the neighbours.
    Branches,
    /// The same with `max`, `min` and `abs`.
    Chooses,
    /// With a threshold on time that the first steps do not see.
    Later,
    /// With an input that is on for one layer only.
    Pulse,
}

/// A ring with one rate.
#[derive(Debug, Clone)]
struct Ring {
    sites: usize,
    coupling: Coupling,
    sparsity: Sparsity,
}

impl Ring {
    /// Site i sees itself, the next ones to both sides, and the rate.
    fn pairs(sites: usize) -> Vec<(usize, usize)> {
        let of = |i: usize| [i, (i + 1) % sites, (i + sites - 1) % sites, sites];
        (0..sites).flat_map(|i| of(i).map(|c| (i, c))).collect()
    }

    fn field<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let n = self.sites;
        for i in 0..n {
            let (left, right) = (x[(i + n - 1) % n], x[(i + 1) % n]);
            dx[i] = -x[i] * theta[0];
            dx[i] += match self.coupling {
                Coupling::Branches if left > right => left * x[i],
                Coupling::Branches => right.sin(),
                Coupling::Chooses => (left * x[i]).max(right.sin()) + (left - right).abs() * x[i],
                Coupling::Later if t.value() > 0.55 => left * right,
                Coupling::Pulse if input[0].value() > 0.5 => left * right,
                Coupling::Later | Coupling::Pulse => S::zero(),
            };
        }
    }
}

impl Model for Ring {
    fn parameter_count(&self) -> usize {
        1
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Ring {
    fn width(&self) -> usize {
        self.sites
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        self.field(t, x, theta, input, dx);
    }
    fn sparsity(&self) -> Sparsity {
        self.sparsity.clone()
    }
}

/// x_{n+1} = x_n + F/10; the map of layer 3 alone looks at values.
#[derive(Debug)]
struct Rings(Ring);

impl Model for Rings {
    fn parameter_count(&self) -> usize {
        1
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Layers for Rings {
    fn width(&self, _n: usize) -> usize {
        self.0.sites
    }
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    ) {
        if n == 3 {
            self.0.field(S::from(0.2 * n as f64), x, theta, input, out);
        } else {
            out.fill(S::zero());
        }
        for i in 0..x.len() {
            out[i] = next[i] - x[i] - out[i] * 0.1;
        }
    }
    fn sparsity(&self, n: usize) -> Sparsity {
        if n == 3 {
            self.0.sparsity.clone()
        } else {
            Sparsity::Traced
        }
    }
}

fn build<M: Model, R: Rule<M>>(model: M, rule: R) -> deepest::Result<Action> {
    let grid = Grid::uniform(0.0, 0.2, 7)?;
    let pulse = Inputs::constant([0.0, 0.6, 0.8], ndarray::array![[0.0], [1.0], [0.0]])?;
    let values = Array2::from_elem((2, 1), 0.4);
    let data = Observations::of_components(&[0], [0.0, 1.2], values, Precision::scalar(2.0)?)?;
    let window = Window::new(grid).inputs(pulse)?.observations(data)?;
    let builder = Action::builder(model, rule).window(window);
    builder.parameter("rate", Parameter::estimated()).build()
}

/// Builds with every rule for flows.
fn every_flow_rule(model: &Ring, see: impl Fn(&'static str, deepest::Result<()>)) {
    fn unit<T>(built: deepest::Result<T>) -> deepest::Result<()> {
        built.map(|_| ())
    }
    see("Euler", unit(build(model.clone(), Euler)));
    see("Trapezoid", unit(build(model.clone(), Trapezoid)));
    see("Midpoint", unit(build(model.clone(), Midpoint)));
    see("Rk4", unit(build(model.clone(), Rk4)));
    see("SimpsonHermite", unit(build(model.clone(), SimpsonHermite)));
}

const BRANCHES: Ring = Ring {
    sites: 70,
    coupling: Coupling::Branches,
    sparsity: Sparsity::Traced,
};

#[test]
fn a_large_model_that_looks_at_values_must_declare_its_pattern() {
    every_flow_rule(&BRANCHES, |rule, built| match built.unwrap_err() {
        Error::UndeclaredPattern {
            declaration,
            expected,
            found,
            ..
        } => assert_eq!(
            (declaration, expected, found),
            ("Flow::sparsity", 64, 71),
            "{rule}"
        ),
        other => panic!("{rule}: {other}"),
    });
    let error = build(Rings(BRANCHES), Map).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::UndeclaredPattern { found: 71, .. }),
        "{error}"
    );
    assert!(
        text.contains("Layers::sparsity") && text.contains("layer 3"),
        "{text}"
    );
    // 63 sites and the rate are 64 unknowns: dense, without a word.
    let small = Ring {
        sites: 63,
        ..BRANCHES
    };
    every_flow_rule(&small, |rule, built| assert_eq!(built, Ok(()), "{rule}"));
    check(
        &build(small.clone(), Trapezoid).unwrap(),
        1,
        1.0,
        "small, Trapezoid",
    );
    check(&build(Rings(small), Map).unwrap(), 1, 1.0, "small, Map");
    let error = check_jacobian(&BRANCHES, 0.0, &[0.1; 70], &[1.0], &[0.0]).unwrap_err();
    assert!(matches!(error, Error::UndeclaredPattern { .. }), "{error}");
}

#[test]
fn a_large_model_with_a_declared_pattern_has_the_right_derivatives() {
    for sparsity in [Sparsity::Declared(Ring::pairs(70)), Sparsity::Dense] {
        let model = Ring {
            sparsity: sparsity.clone(),
            ..BRANCHES
        };
        check(&build(model.clone(), Euler).unwrap(), 1, 1.0, "Euler");
        check(&build(model.clone(), Rk4).unwrap(), 1, 1.0, "Rk4");
        check(
            &build(model.clone(), SimpsonHermite).unwrap(),
            1,
            1.0,
            "SimpsonHermite",
        );
        // The next layer's components stand before the rate.
        let moved = |(i, c)| (i, if c == 70 { 140 } else { c });
        let sparsity = match sparsity {
            Sparsity::Declared(pairs) => {
                let own = pairs.into_iter().map(moved);
                Sparsity::Declared(own.chain((0..70).map(|i| (i, 70 + i))).collect())
            }
            other => other,
        };
        check(
            &build(Rings(Ring { sparsity, ..model }), Map).unwrap(),
            1,
            1.0,
            "Map",
        );
    }
}

#[test]
fn maxima_and_absolute_values_need_no_declaration() {
    let model = Ring {
        coupling: Coupling::Chooses,
        ..BRANCHES
    };
    every_flow_rule(&model, |rule, built| assert_eq!(built, Ok(()), "{rule}"));
    check(
        &build(model.clone(), Trapezoid).unwrap(),
        1,
        1.0,
        "Trapezoid",
    );
    check(&build(model.clone(), Rk4).unwrap(), 1, 1.0, "Rk4");
    check(&build(Rings(model), Map).unwrap(), 1, 1.0, "Map");
}

/// What only a part of the time or of the inputs switches on is missed by a trace at
/// one point, but not by the points of the problem.
#[test]
fn a_declared_pattern_that_lacks_an_entry_is_refused() {
    for coupling in [Coupling::Branches, Coupling::Later, Coupling::Pulse] {
        let mut pairs = Ring::pairs(70);
        pairs.retain(|pair| *pair != (5, 6));
        let sparsity = Sparsity::Declared(pairs.clone());
        let model = Ring {
            sites: 70,
            coupling,
            sparsity,
        };
        every_flow_rule(&model, |rule, built| match built.unwrap_err() {
            Error::IncompletePattern {
                row, column, slope, ..
            } => {
                assert_eq!((row, column), (5, 6), "{rule}, {coupling:?}");
                assert!(slope.is_finite() && slope != 0.0);
            }
            other => panic!("{rule}, {coupling:?}: {other}"),
        });
    }
    // Without the rate, which is unknown 70 of a flow and 140 of a map.
    let pairs = Ring::pairs(70).into_iter().filter(|pair| *pair != (9, 70));
    let model = Ring {
        sparsity: Sparsity::Declared(pairs.collect()),
        ..BRANCHES
    };
    let error = build(model, Trapezoid).unwrap_err();
    assert!(
        matches!(
            error,
            Error::IncompletePattern {
                row: 9,
                column: 70,
                ..
            }
        ),
        "{error}"
    );
    let own = (0..70).flat_map(|i| [(i, i), (i, 70 + i), (i, 140)]);
    let model = Ring {
        sparsity: Sparsity::Declared(own.collect()),
        ..BRANCHES
    };
    let error = build(Rings(model), Map).unwrap_err();
    assert!(matches!(error, Error::IncompletePattern { .. }), "{error}");
    assert!(error.to_string().contains("layer 3"), "{error}");
}

/// A parameter that is not estimated has no column: its entries may be missing.
#[test]
fn what_is_fixed_need_not_be_declared() {
    let pairs = Ring::pairs(70).into_iter().filter(|(_, c)| *c < 70);
    let model = Ring {
        sparsity: Sparsity::Declared(pairs.collect()),
        ..BRANCHES
    };
    let grid = Grid::uniform(0.0, 0.2, 3).unwrap();
    let quiet = Inputs::constant([0.0], ndarray::array![[0.0]]).unwrap();
    let values = Array2::from_elem((1, 1), 0.4);
    let precision = Precision::scalar(2.0).unwrap();
    let data = Observations::of_components(&[0], [0.0], values, precision).unwrap();
    let window = Window::new(grid).inputs(quiet).unwrap();
    let action = Action::builder(model, Rk4)
        .window(window.observations(data).unwrap())
        .parameter("rate", Parameter::fixed(0.5))
        .build()
        .unwrap();
    check(&action, 1, 1.0, "fixed rate");
}

#[test]
fn declared_entries_that_do_not_exist_are_refused() {
    for (pair, what, high) in [
        ((70, 0), "row of a declared entry", 69.0),
        ((0, 71), "column of a declared entry", 70.0),
    ] {
        let mut pairs = Ring::pairs(70);
        pairs.push(pair);
        let model = Ring {
            sparsity: Sparsity::Declared(pairs),
            ..BRANCHES
        };
        let expected = Error::OutOfRange {
            what,
            place: "`Flow::sparsity`, pair 280".into(),
            low: 0.0,
            high,
            found: high + 1.0,
        };
        every_flow_rule(&model, |rule, built| {
            assert_eq!(built, Err(expected.clone()), "{rule}");
        });
        let checked = check_jacobian(&model, 0.0, &[0.1; 70], &[1.0], &[0.0]);
        assert_eq!(checked, Err(expected));
    }
    let model = Ring {
        sparsity: Sparsity::Declared(vec![(0, 141)]),
        ..BRANCHES
    };
    let error = build(Rings(model), Map).unwrap_err();
    assert!(
        matches!(error, Error::OutOfRange { high: 140.0, .. }),
        "{error}"
    );
}

/// Counts how often the model is called.
struct Counted {
    calls: Arc<AtomicUsize>,
}

impl Model for Counted {}

impl Flow for Counted {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        dx[0] = x[1];
        dx[1] = -x[0].sin();
    }
}

impl Layers for Counted {
    fn width(&self, _n: usize) -> usize {
        2
    }
    fn layer<S: Scalar>(
        &self,
        _n: usize,
        x: &[S],
        next: &[S],
        _theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        out[0] = next[0] - x[1];
        out[1] = next[1] - x[0].cos();
    }
}

#[test]
fn a_model_is_asked_for_its_structure_when_an_action_is_built_and_never_again() {
    fn of<R: Rule<Counted>>(rule: R, expected: usize) {
        let calls = Arc::new(AtomicUsize::new(0));
        let values = Array2::from_elem((1, 1), 0.4);
        let precision = Precision::scalar(2.0).unwrap();
        let data = Observations::of_components(&[0], [0.0], values, precision).unwrap();
        let window = Window::new(Grid::uniform(0.0, 0.1, 9).unwrap());
        let window = window.observations(data).unwrap();
        let model = Counted {
            calls: calls.clone(),
        };
        let builder = Action::builder(model, rule).windows(vec![window; 12]);
        let action = builder.build().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), expected, "{}", rule.name());
        for rf in [1.0, 2.0, 4.0] {
            action.at(rf).unwrap();
        }
        assert_eq!(calls.load(Ordering::Relaxed), expected, "{}", rule.name());
    }
    // Two calls at two times of each window tell whether it sets what it is to write.
    let probe = 2 * 2 * 12;
    of(Euler, probe + 1);
    of(SimpsonHermite, probe + 1);
    // Its own flow for Hamilton's equations, and the step's.
    of(Rk4, probe + 2);
    // Eight maps, layer by layer: two calls and a trace.
    of(Map, 8 * (2 + 1));
}
