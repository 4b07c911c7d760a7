//! L-BFGS-B against SciPy's, published optima and hard cases.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "data/lbfgs_problems.rs"]
mod problems;

use std::ops::ControlFlow;

use deepest::minimize::{
    Curvature, Indefinite, Iteration, Lbfgs, Minimizer, Objective, Outcome, QuadraticStep,
    Termination,
};
use problems::{Dual, Function, function};
use serde_json::Value;

/// An objective by a closure, which checks that every iterate is feasible and
/// keeps every value.
struct Problem<F> {
    evaluate: F,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
    values: Vec<f64>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Problem<F> {
    fn new(dimension: usize, evaluate: F) -> Self {
        Problem {
            evaluate,
            lower: vec![f64::NEG_INFINITY; dimension],
            upper: vec![f64::INFINITY; dimension],
            scales: vec![1.0; dimension],
            values: Vec::new(),
        }
    }

    fn bounds(mut self, lower: &[f64], upper: &[f64]) -> Self {
        self.lower = lower.to_vec();
        self.upper = upper.to_vec();
        self
    }

    fn scales(mut self, scales: &[f64]) -> Self {
        self.scales = scales.to_vec();
        self
    }

    fn minimize(&mut self, method: &Lbfgs, x: &mut [f64]) -> Outcome {
        let mut last = f64::INFINITY;
        let mut count = 0;
        let outcome = method.minimize(self, x, &mut |step: Iteration| {
            count += 1;
            assert_eq!(step.number, count);
            assert!(step.value <= last, "the value rose");
            last = step.value;
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.work.iterations, count);
        assert_eq!(outcome.work.evaluations, self.values.len());
        assert_eq!(outcome.work.factorizations, 0);
        outcome
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Objective for Problem<F> {
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
        let mut gradient = vec![0.0; x.len()];
        self.value_and_gradient(x, &mut gradient)
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        for i in 0..x.len() {
            assert!(x[i] >= self.lower[i] && x[i] <= self.upper[i], "unknown {i} left its bounds");
        }
        let value = (self.evaluate)(x, gradient);
        self.values.push(value);
        value
    }
    fn newton_step(
        &mut self,
        _: &[f64],
        _: Curvature,
        _: f64,
        _: &[f64],
        _: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        panic!("L-BFGS takes no Newton step")
    }
}

/// Value and gradient by one forward pass an unknown.
fn differentiate(f: Function, x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut z: Vec<Dual> = x.iter().map(|&v| Dual { v, d: 0.0 }).collect();
    let mut value = f64::NAN;
    for i in 0..x.len() {
        z[i].d = 1.0;
        let y = f(&z);
        (value, gradient[i]) = (y.v, y.d);
        z[i].d = 0.0;
    }
    value
}

/// One problem of the reference table.
struct Reference {
    name: String,
    start: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    start_value: f64,
    value: f64,
    x: Vec<f64>,
    active: Vec<usize>,
    evaluations: usize,
    evaluations_to_target: usize,
}

fn reference() -> Vec<Reference> {
    let table: Value = serde_json::from_str(include_str!("data/lbfgs_reference.json")).unwrap();
    let numbers = |v: &Value, missing: f64| -> Vec<f64> {
        v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(missing)).collect()
    };
    let count = |v: &Value| v.as_u64().unwrap() as usize;
    let rows = table["problems"].as_array().unwrap().iter();
    rows.map(|p| Reference {
        name: p["name"].as_str().unwrap().to_owned(),
        start: numbers(&p["start"], f64::NAN),
        lower: numbers(&p["lower"], f64::NEG_INFINITY),
        upper: numbers(&p["upper"], f64::INFINITY),
        start_value: p["start_value"].as_f64().unwrap(),
        value: p["value"].as_f64().unwrap(),
        x: numbers(&p["x"], f64::NAN),
        active: p["active"].as_array().unwrap().iter().map(count).collect(),
        evaluations: count(&p["evaluations"]),
        evaluations_to_target: count(&p["evaluations_to_target"]),
    })
    .collect()
}

#[test]
fn survey() {
    let mut totals = [0; 4];
    for r in reference() {
        let f = function(&r.name);
        let mut x = r.start.clone();
        let mut problem = Problem::new(x.len(), |x: &[f64], g: &mut [f64]| differentiate(f, x, g))
            .bounds(&r.lower, &r.upper);
        let o = problem.minimize(&Lbfgs::default(), &mut x);
        let best = r.value.min(o.value);
        let target = r.value + 1e-10 * (r.start_value - r.value);
        let hit = problem.values.iter().position(|v| *v <= target).map(|p| p + 1);
        let active: Vec<usize> =
            (0..x.len()).filter(|&i| x[i] == r.lower[i] || x[i] == r.upper[i]).collect();
        totals[0] += o.work.evaluations;
        totals[1] += r.evaluations;
        totals[2] += hit.unwrap_or(1000);
        totals[3] += r.evaluations_to_target;
        println!(
            "{:28} {:?} it {} ev {} / {}  hit {:?} / {}  f {:.12e} / {:.12e} rel {:.1e} f0 {:.1e} active {}",
            r.name,
            o.termination,
            o.work.iterations,
            o.work.evaluations,
            r.evaluations,
            hit,
            r.evaluations_to_target,
            o.value,
            r.value,
            (o.value - best) / best.abs().max(1e-300),
            (problem.values[0] - r.start_value) / r.start_value,
            active == r.active,
        );
    }
    println!("{totals:?}");
}
