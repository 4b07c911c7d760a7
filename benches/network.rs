//! scratch
use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Dense};
use ndarray::Array2;

fn main() -> deepest::Result<()> {
    for (widths, pairs) in [
        (vec![10; 20], 100),
        (vec![64, 30, 10], 1000),
        (vec![784, 30, 10], 2),
    ] {
        let layers = widths[1..]
            .iter()
            .map(|&w| Dense::new(w, Activation::Logistic));
        let network = Network::new(widths[0], layers)?;
        let wave = |i: usize| 0.5 + 0.5 * ((i * 7919 % 1000) as f64 * 0.01).sin();
        let inputs = Array2::from_shape_fn((pairs, widths[0]), |(i, j)| wave(i * 31 + j));
        let outputs = Array2::from_shape_fn((pairs, 10), |(i, j)| wave(i * 37 + j));
        let one = Precision::scalar(1.0)?;
        let mut builder = Action::builder(network.clone(), Map)
            .windows(network.pairs((inputs.view(), &one), (outputs.view(), &one))?);
        for (name, range) in network.blocks() {
            builder = builder.parameter_block(&name, range.map(|_| Parameter::estimated()));
        }
        let action = builder.build()?;
        let mut at = action.at(3.0)?;
        let n = at.dimension();
        let x: Vec<f64> = (0..n).map(|i| wave(i) - 0.3).collect();
        let mut g = vec![0.0; n];
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        pool.install(|| {
            let mut best = f64::INFINITY;
            for _ in 0..300 {
                let t = std::time::Instant::now();
                at.value_and_gradient(&x, &mut g);
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!(
                "{:?} {pairs}: {:.1} us, {n} unknowns",
                &widths[..3],
                best * 1e6
            );
        });
        // gradient check
        let mut worst: f64 = 0.0;
        let mut y = x.clone();
        for k in 0..40 {
            let i = (k * 7919) % n;
            let i = if k % 2 == 0 { n - 1 - k * 3 } else { i };
            y[i] = x[i] + 1e-5;
            let up = at.value(&y);
            y[i] = x[i] - 1e-5;
            let down = at.value(&y);
            y[i] = x[i];
            worst = worst.max(((up - down) / 2e-5 - g[i]).abs() / g[i].abs().max(1.0));
        }
        println!("gradient {worst:e}");
    }
    Ok(())
}
