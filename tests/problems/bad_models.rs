//! Models that do not write what they say, or read more than they declare.

use deepest::prelude::*;
use deepest::{Error, Rule};
use ndarray::array;

/// What a model does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Leaves component 1 out after t = 0.15.
    Forgets,
    /// Adds to component 0.
    Adds,
    /// Reads a second parameter.
    Parameter,
    /// Reads an input.
    Input,
}

struct Faulty(Fault);

impl Faulty {
    fn write<S: Scalar>(&self, late: bool, x: &[S], theta: &[S], input: &[S], out: &mut [S]) {
        match self.0 {
            Fault::Adds => out[0] += x[1],
            _ => out[0] = x[1],
        }
        if self.0 != Fault::Forgets || !late {
            out[1] = -x[0] * theta[0];
        }
        if self.0 == Fault::Parameter {
            out[0] += theta[1];
        }
        if self.0 == Fault::Input {
            out[0] += input[0];
        }
    }
}

impl Model for Faulty {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for Faulty {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        self.write(t.value() > 0.15, x, theta, input, dx);
    }
}

impl Layers for Faulty {
    fn width(&self, _n: usize) -> usize {
        2
    }
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        _next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    ) {
        self.write(n > 1, x, theta, input, out);
    }
}

fn build<R: Rule<Faulty>>(fault: Fault, rule: R) -> deepest::Result<Action> {
    let grid = Grid::uniform(0.0, 0.1, 5)?;
    let precision = Precision::scalar(1.0)?;
    let data = Observations::of_components(&[0], [0.0, 0.2], array![[1.0], [0.9]], precision)?;
    Action::builder(Faulty(fault), rule)
        .window(Window::new(grid).observations(data)?)
        .parameter("stiffness", Bounds::new(0.0, 2.0)?)
        .build()
}

#[test]
fn a_component_that_is_not_set_is_named() {
    fn of<R: Rule<Faulty>>(rule: R, name: &'static str) {
        assert!(build(Fault::None, rule).is_ok());
        for (fault, wrong) in [(Fault::Forgets, 1), (Fault::Adds, 0)] {
            match build(fault, rule).unwrap_err() {
                Error::NotWritten {
                    what,
                    component,
                    place,
                } => {
                    assert_eq!((what, component), (name, wrong), "{fault:?}, {place}");
                }
                other => panic!("{fault:?}: {other}"),
            }
        }
    }
    of(Trapezoid, "dx");
    of(SimpsonHermite, "dx");
    of(Rk4, "dx");
    of(Map, "out");
}

#[test]
fn what_is_read_without_being_declared_is_an_error_at_build() {
    fn of<R: Rule<Faulty>>(rule: R) {
        for fault in [Fault::Parameter, Fault::Input] {
            let error = build(fault, rule).unwrap_err();
            let expected = matches!(
                error,
                Error::ModelPanicked {
                    parameters: 1,
                    inputs: 0,
                    ..
                }
            );
            assert!(expected, "{fault:?}: {error}");
        }
    }
    of(Midpoint);
    of(Rk4);
    of(Map);
}

/// A model may be NaN where it is asked.
#[test]
fn not_a_number_is_set_as_well() {
    struct Root;
    impl Model for Root {}
    impl Flow for Root {
        fn width(&self) -> usize {
            1
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = -x[0].sqrt();
        }
    }
    let grid = Grid::uniform(0.0, 0.1, 3).unwrap();
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[1.0]], precision).unwrap();
    let builder = Action::builder(Root, Trapezoid);
    let window = Window::new(grid).observations(data).unwrap();
    assert!(builder.window(window).build().is_ok());
}

/// What a program prints that ends with an error.
#[test]
fn debug_of_an_error_is_its_sentence() {
    let error = Bounds::new(2.0, 1.0).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}
