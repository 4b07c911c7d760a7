//! The block-arrow factorization: CPU time per front by kernel and size,
//! against the time that the same flops take at the best GEMM rate of this run.
//!
//! `cargo bench --bench linalg`; with `--features openblas-system` (and
//! `OPENBLAS_NUM_THREADS=1`) LAPACK takes part.

use cpu_time::ThreadTime;
use deepest::linalg::{ArrowShape, Backend, BlockArrow, ChainShape};
use std::hint::black_box;

/// One chain of equal intervals.
struct Case {
    name: String,
    interior: usize,
    node: usize,
    border: usize,
    intervals: usize,
}

impl Case {
    fn new(name: &str, interior: usize, node: usize, border: usize, intervals: usize) -> Self {
        Self {
            name: name.to_string(),
            interior,
            node,
            border,
            intervals,
        }
    }

    fn arrow(&self, backend: Backend) -> Option<BlockArrow> {
        let chain = ChainShape::uniform(self.intervals + 1, self.node, self.interior);
        let shape = ArrowShape::new(vec![chain], self.border).ok()?;
        BlockArrow::with_backend(shape, backend).ok()
    }

    /// Flops of one front, its right-hand side included: a pivot with r rows
    /// below takes a root, r divisions and a multiply-add for each entry below.
    fn flops(&self) -> f64 {
        let pivots = self.interior + self.node;
        let unknowns = pivots + self.node + self.border;
        let below = (0..pivots).map(|p| (unknowns - p - 1) as f64);
        below.map(|r| 2.0 + r + r * (r + 1.0) + 2.0 * r).sum()
    }
}

/// Median CPU seconds of one call, over batches of at least a millisecond.
fn median(mut work: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut(), calls: usize| {
        let start = ThreadTime::now();
        (0..calls).for_each(|_| work());
        start.elapsed().as_secs_f64()
    };
    let mut calls = 1;
    while time(&mut work, calls) < 1e-3 {
        calls *= 2;
    }
    let mut samples: Vec<f64> = (0..31)
        .map(|_| time(&mut work, calls) / calls as f64)
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The assembly that costs least: a dominant diagonal.
fn factor(arrow: &mut BlockArrow, rhs: &[f64]) {
    let result = arrow.factor(black_box(rhs), |_, _, front| {
        let (buffer, base) = front.parts();
        for (j, column) in base.iter().enumerate() {
            buffer[column + j] += 4.0;
        }
    });
    assert!(result.is_ok());
}

/// Best rate of a dense product, flops per second.
#[cfg(feature = "large-blocks")]
fn gemm_rate() -> f64 {
    use faer::{Accum, Mat, Par, linalg::matmul::matmul};
    let rate = |n: usize| {
        let a = Mat::<f64>::from_fn(n, n, |i, j| (i + 2 * j) as f64 / n as f64);
        let mut c = Mat::<f64>::zeros(n, n);
        let seconds = median(|| matmul(c.as_mut(), Accum::Replace, &a, &a, 1.0, Par::Seq));
        2.0 * (n * n * n) as f64 / seconds
    };
    [128, 256, 384, 512]
        .into_iter()
        .map(rate)
        .fold(0.0, f64::max)
}

#[cfg(not(feature = "large-blocks"))]
fn gemm_rate() -> f64 {
    f64::NAN
}

fn main() {
    let peak = gemm_rate();
    println!("best GEMM rate: {:.1} GFLOP/s\n", peak / 1e9);
    let mut cases = vec![
        Case::new("Lorenz-63, Simpson-Hermite", 3, 3, 3, 500),
        Case::new("NaKL, Simpson-Hermite", 4, 4, 18, 3000),
        Case::new("Lorenz-96, Simpson-Hermite", 20, 20, 1, 80),
        Case::new("D = 80, Simpson-Hermite", 80, 80, 1, 80),
    ];
    for d in [3, 4, 6, 10, 20, 40, 80, 160, 200] {
        let intervals = (20_000 / d / d).clamp(10, 400);
        cases.push(Case::new(&format!("m = d = {d}"), d, d, 1, intervals));
    }
    for d in [160, 200] {
        cases.push(Case::new(&format!("m = 0, d = {d}"), 0, d, 1, 10));
    }
    println!(
        "| case | kernel | factor, µs/front | GFLOP/s | time / lower bound | back-substitution, µs/front | another rhs, µs/front |"
    );
    println!("|---|---|---|---|---|---|---|");
    for case in &cases {
        for backend in [
            Backend::Plain,
            Backend::Tile,
            Backend::Faer,
            Backend::Lapack,
            Backend::Auto,
        ] {
            measure(case, backend, peak);
        }
    }
}

fn measure(case: &Case, backend: Backend, peak: f64) {
    let Some(mut arrow) = case.arrow(backend) else {
        return;
    };
    let fronts = case.intervals as f64;
    let rhs = vec![1.0; arrow.shape().dimension()];
    let (mut x, mut border) = (rhs.clone(), vec![0.0; case.border]);
    let seconds = median(|| factor(&mut arrow, &rhs)) / fronts;
    let _ = arrow.solve_border(&mut border);
    let back = median(|| drop(arrow.back_substitute(&border, black_box(&mut x)))) / fronts;
    let again = median(|| {
        x.copy_from_slice(&rhs);
        let _ = arrow.solve(black_box(&mut x));
    }) / fronts;
    println!(
        "| {} | {backend:?} | {:.3} | {:.1} | {:.2} | {:.3} | {:.3} |",
        case.name,
        seconds * 1e6,
        case.flops() / seconds / 1e9,
        seconds * peak / case.flops(),
        back * 1e6,
        again * 1e6,
    );
}
