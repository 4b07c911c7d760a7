//! Jacobians by hand of models that branch.

use super::differences::check;
use deepest::prelude::*;
use deepest::{Error, JacobianEntries, Rule};
use ndarray::Array2;

/// ẋ = −θ₀ x₁ above a threshold of x₀ and −θ₁ x₀ below it; by hand it sets what the
/// branch has, or forgets one entry.
struct Branching {
    forgets: bool,
}

impl Model for Branching {
    fn parameter_count(&self) -> usize {
        2
    }
}

impl Flow for Branching {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        if x[0] > S::zero() {
            dx[0] = -theta[0] * x[1];
        } else {
            dx[0] = -theta[1] * x[0];
        }
        dx[1] = x[0] * x[1];
    }
    fn jacobian(
        &self,
        _t: f64,
        x: &[f64],
        theta: &[f64],
        _input: &[f64],
        entries: &mut JacobianEntries<'_>,
    ) -> bool {
        if x[0] > 0.0 {
            entries.state(0, 1, -theta[0]);
            entries.parameter(0, 0, -x[1]);
        } else {
            entries.state(0, 0, -theta[1]);
            if !self.forgets {
                entries.parameter(0, 1, -x[0]);
            }
        }
        entries.state(1, 0, x[1]);
        entries.state(1, 1, x[0]);
        true
    }
}

/// The path changes sides from layer to layer, so that each evaluation follows one of
/// the other branch.
#[test]
fn what_a_branch_of_a_jacobian_by_hand_leaves_out_is_zero() {
    fn of<R: Rule<Branching>>(rule: R) {
        let values = Array2::from_elem((2, 1), 0.4);
        let precision = Precision::scalar(2.0).unwrap();
        let data = Observations::of_components(&[0], [0.0, 1.2], values, precision).unwrap();
        let window = Window::new(Grid::uniform(0.0, 0.2, 7).unwrap());
        let builder = Action::builder(Branching { forgets: false }, rule);
        let action = builder
            .window(window.observations(data).unwrap())
            .parameter("p", Parameter::estimated())
            .parameter("q", Parameter::estimated())
            .build()
            .unwrap();
        check(&action, 1, 1.0, action.rule_name());
    }
    of(Euler);
    of(Trapezoid);
    of(Midpoint);
    of(Rk4);
    of(SimpsonHermite);
    for x in [[0.4, 0.7], [-0.4, 0.7]] {
        let (whole, part) = (Branching { forgets: false }, Branching { forgets: true });
        check_jacobian(&whole, 0.0, &x, &[0.3, 0.9], &[]).unwrap();
        let checked = check_jacobian(&part, 0.0, &x, &[0.3, 0.9], &[]);
        if x[0] > 0.0 {
            checked.unwrap();
        } else {
            let error = checked.unwrap_err();
            assert!(
                matches!(error, Error::WrongJacobian { row: 0, column: 3, found, .. } if found == 0.0),
                "{error}"
            );
        }
    }
}
