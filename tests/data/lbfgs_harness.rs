//! Objectives by closures, and the reference table.

use std::ops::ControlFlow;

use deepest::minimize::{Iteration, Lbfgs, Minimizer, Objective, Outcome};
use serde_json::Value;

use super::problems::{Dual, Function, function};

/// An objective by a closure, which checks that every iterate is feasible and
/// keeps every value.
pub(crate) struct Problem<F> {
    pub(crate) evaluate: F,
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) scales: Vec<f64>,
    pub(crate) values: Vec<f64>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Problem<F> {
    pub(crate) fn new(dimension: usize, evaluate: F) -> Self {
        Problem {
            evaluate,
            lower: vec![f64::NEG_INFINITY; dimension],
            upper: vec![f64::INFINITY; dimension],
            scales: vec![1.0; dimension],
            values: Vec::new(),
        }
    }

    pub(crate) fn bounds(mut self, lower: &[f64], upper: &[f64]) -> Self {
        self.lower = lower.to_vec();
        self.upper = upper.to_vec();
        self
    }

    pub(crate) fn scales(mut self, scales: &[f64]) -> Self {
        self.scales = scales.to_vec();
        self
    }

    pub(crate) fn minimize(&mut self, method: &Lbfgs, x: &mut [f64]) -> Outcome {
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
            assert!(
                x[i] >= self.lower[i] && x[i] <= self.upper[i],
                "unknown {i} left its bounds"
            );
        }
        let value = (self.evaluate)(x, gradient);
        self.values.push(value);
        value
    }
}

/// Value and gradient by one forward pass an unknown.
pub(crate) fn differentiate(f: Function, x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut z: Vec<Dual> = x.iter().map(|&v| Dual { v, d: 0.0 }).collect();
    let mut value = f64::NAN;
    for i in 0..x.len() {
        z[i].d = 1.0;
        let y = f.value(&z);
        (value, gradient[i]) = (y.v, y.d);
        z[i].d = 0.0;
    }
    value
}

/// One problem of the reference table.
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) start: Vec<f64>,
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) start_value: f64,
    pub(crate) value: f64,
    pub(crate) active: Vec<usize>,
    pub(crate) evaluations: usize,
    pub(crate) evaluations_to_target: usize,
}

pub(crate) fn reference() -> Vec<Reference> {
    let table: Value = serde_json::from_str(include_str!("lbfgs_reference.json")).unwrap();
    let numbers = |v: &Value, missing: f64| -> Vec<f64> {
        v.as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap_or(missing))
            .collect()
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
        active: p["active"].as_array().unwrap().iter().map(count).collect(),
        evaluations: count(&p["evaluations"]),
        evaluations_to_target: count(&p["evaluations_to_target"]),
    })
    .collect()
}

/// What a run of one problem of the table gave.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) x: Vec<f64>,
    pub(crate) values: Vec<f64>,
}

pub(crate) fn run(r: &Reference, method: &Lbfgs) -> Run {
    let f = function(&r.name);
    let mut x = r.start.clone();
    let mut problem = Problem::new(x.len(), |x: &[f64], g: &mut [f64]| differentiate(f, x, g))
        .bounds(&r.lower, &r.upper);
    let outcome = problem.minimize(method, &mut x);
    Run {
        outcome,
        x,
        values: problem.values,
    }
}

pub(crate) fn named(name: &str) -> Reference {
    reference().into_iter().find(|r| r.name == name).unwrap()
}
