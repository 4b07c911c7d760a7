//! The ways to solve the equations of a Newton step give the same step.

use crate::fixtures::plain::Plain;
use deepest::minimize::Objective;
use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Curvature, Dense, Equations, EquationsReason, Result};
use ndarray::Array2;

fn wave(i: usize) -> f64 {
    0.5 + 0.4 * ((i * i * 7919 % 1009) as f64 * 0.37).sin()
}

fn action<M: Layers>(
    model: M,
    network: &Network,
    pairs: usize,
    (decay, equations): (Option<f64>, Equations),
) -> Result<Action> {
    let last = network.depth() - 1;
    let values = |n: usize, seed: usize| {
        Array2::from_shape_fn((pairs, network.width(n)), |(i, j)| {
            wave(i * 31 + j * 7 + seed)
        })
    };
    let (inputs, outputs) = (values(0, 1), values(last, 50));
    let exact = Precision::scalar(10.0)?;
    let noisy = Precision::scalar(2.0)?;
    let mut builder = Action::builder(model, Map)
        .windows(network.pairs((inputs.view(), &exact), (outputs.view(), &noisy))?);
    for (name, range) in network.blocks() {
        let parameters = range.map(|_| match decay {
            Some(decay) => Ok(Parameter::estimated().prior(Gaussian::new(0.0, decay)?)),
            None => Ok(Parameter::estimated()),
        });
        let parameters = parameters.collect::<Result<Vec<_>>>()?;
        builder = builder.parameter_block(&name, parameters);
    }
    builder.equations(equations).build()
}

fn networks() -> Result<Vec<Network>> {
    use Activation::{Linear, Logistic, Relu, Softmax, Softplus, Tanh};
    Ok(vec![
        Network::new(3, [Dense::new(4, Tanh), Dense::new(2, Linear)])?,
        Network::new(
            5,
            [
                Dense::new(3, Relu),
                Dense::new(6, Logistic),
                Dense::new(3, Softmax),
            ],
        )?,
        Network::new(
            3,
            [
                Dense::new(3, Softplus).residual(0.3),
                Dense::new(3, Tanh).residual(0.2),
            ],
        )?,
        Network::new(
            2,
            [
                Dense::new(3, Tanh).recurrent(),
                Dense::new(2, Logistic).recurrent(),
            ],
        )?
        .with_times(4)?,
    ])
}

#[test]
fn damped_steps_agree() -> Result<()> {
    for (m, network) in networks()?.iter().enumerate() {
        for (pairs, decay) in [(1, None), (3, Some(1.0)), (45, None)] {
            let automatic = (decay, Equations::Automatic);
            let plain = action(Plain(network.clone()), network, pairs, automatic)?;
            let by = |equations| action(network.clone(), network, pairs, (decay, equations));
            let actions = [
                Equations::BlockArrow,
                Equations::ResidualSpace,
                Equations::ConjugateGradients,
            ]
            .map(|equations| by(equations).map(|action| (equations, action)));
            let actions = actions.into_iter().collect::<Result<Vec<_>>>()?;
            for rf in [0.1, 30.0] {
                let mut at = actions[0].1.at(rf)?;
                let n = at.dimension();
                let x: Vec<f64> = (0..n).map(|i| wave(i + 3) - 0.3).collect();
                let mut gradient = vec![0.0; n];
                at.value_and_gradient(&x, &mut gradient);
                let mut fronts = plain.at(rf)?;
                let mut exact = vec![0.0; n];
                let decrease = fronts
                    .newton_step(&x, Curvature::GaussNewton, 0.5, &gradient, &mut exact)
                    .expect("positive definite")
                    .predicted_decrease;
                let step_by = |equations| {
                    let asked = actions.iter().find(|(way, _)| *way == equations);
                    let mut at = asked.expect("one of three").1.at(rf).expect("an R_f");
                    assert_eq!(at.equations().equations, equations);
                    assert_eq!(at.equations().reason, EquationsReason::Asked);
                    let mut step = vec![0.0; n];
                    let said =
                        at.newton_step(&x, Curvature::GaussNewton, 0.5, &gradient, &mut step);
                    (step, said.expect("positive definite").predicted_decrease)
                };
                let size = exact.iter().map(|s| s * s).sum::<f64>().sqrt();
                let differ = |other: &[f64]| {
                    let squares = exact.iter().zip(other).map(|(a, b)| (a - b).powi(2));
                    squares.sum::<f64>().sqrt() / size
                };
                // The damping keeps the condition number of either matrix below 10⁴.
                for equations in [Equations::BlockArrow, Equations::ResidualSpace] {
                    let (step, predicted) = step_by(equations);
                    let (found, lost) = (differ(&step), predicted / decrease - 1.0);
                    let place = format!("{m}, {pairs}, {rf}, {equations:?}");
                    assert!(found < 1e-11, "{place}: steps differ by {found}");
                    assert!(lost.abs() < 1e-11, "{place}: decreases differ by {lost}");
                }
                // Conjugate gradients end where the residual is 0.03 of what it was in
                // the preconditioner's norm: all but its square is gained.
                let (step, predicted) = step_by(Equations::ConjugateGradients);
                let slope = -step.iter().zip(&gradient).map(|(s, g)| s * g).sum::<f64>();
                let lost = 1.0 - predicted / decrease;
                assert!(
                    lost.abs() < 2e-3,
                    "{m}, {pairs}, {rf}: {lost} of the decrease lost"
                );
                assert!(slope > 0.0 && differ(&step) < 0.1);
            }
        }
    }
    Ok(())
}

#[test]
fn which_way_is_taken_is_said_with_its_reason() -> Result<()> {
    use EquationsReason::{Asked, Cheapest, Held, NotOpen};
    let network = Network::new(3, [Dense::new(4, Activation::Tanh)])?;
    let choice = |equations, bound: bool| {
        let parts = action(network.clone(), &network, 2, (None, equations))?;
        let mut builder = Action::builder(network.clone(), Map)
            .windows(parts.windows().to_vec())
            .equations(equations);
        for (name, parameter) in parts.parameters() {
            builder = builder.parameter(name, *parameter);
        }
        if bound {
            builder = builder.state_bounds(0, Bounds::new(-9.0, 9.0)?);
        }
        let action = builder.build()?;
        let choice = action.at(1.0)?.equations();
        Ok::<_, deepest::Error>((choice.equations, choice.reason, choice.to_string()))
    };
    let (arrow, residuals) = (Equations::BlockArrow, Equations::ResidualSpace);
    let (way, reason, words) = choice(Equations::Automatic, false)?;
    assert_eq!((way, reason), (arrow, Cheapest), "few multiplications");
    assert!(
        words.contains("block arrow") && words.contains("cheap"),
        "{words}"
    );
    let (way, reason, words) = choice(residuals, false)?;
    assert_eq!((way, reason), (residuals, Asked));
    assert!(words.contains("asks"), "{words}");
    let (way, reason, words) = choice(residuals, true)?;
    assert_eq!((way, reason), (arrow, Held));
    assert!(words.contains("bounds"), "{words}");
    assert_eq!(choice(arrow, true)?.1, Asked);
    // Conjugate gradients are there for dense layers that the crate knows.
    let asked = Equations::ConjugateGradients;
    let plain = action(Plain(network.clone()), &network, 2, (None, asked))?;
    let choice = plain.at(1.0)?.equations();
    assert_eq!(
        (choice.equations, choice.reason),
        (arrow, NotOpen { asked })
    );
    let words = choice.to_string();
    assert!(words.contains("conjugate gradients"), "{words}");
    Ok(())
}
