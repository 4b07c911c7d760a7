//! Loops over long vectors.
//!
//! Sums run in [`LANES`] independent partial sums, so that the compiler may
//! use vector instructions; the order is fixed, so results are reproducible.

const LANES: usize = 8;

/// aᵀb.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (mut left, mut right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for k in 0..LANES {
            sums[k] += x[k] * y[k];
        }
    }
    let rest = left.remainder().iter().zip(right.remainder());
    collect(&sums) + rest.map(|(x, y)| x * y).sum::<f64>()
}

/// target += factor · v.
pub(super) fn add_scaled(target: &mut [f64], factor: f64, v: &[f64]) {
    for (t, &v) in target.iter_mut().zip(v) {
        *t += factor * v;
    }
}

/// target += factor · v, then targetᵀw: one pass where two would read
/// `target` twice.
pub(super) fn add_scaled_dot(target: &mut [f64], factor: f64, v: &[f64], w: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let mut t_chunks = target.chunks_exact_mut(LANES);
    let (mut v_chunks, mut w_chunks) = (v.chunks_exact(LANES), w.chunks_exact(LANES));
    for ((t, v), w) in t_chunks
        .by_ref()
        .zip(v_chunks.by_ref())
        .zip(w_chunks.by_ref())
    {
        for k in 0..LANES {
            t[k] += factor * v[k];
            sums[k] += t[k] * w[k];
        }
    }
    let mut sum = collect(&sums);
    let rest = t_chunks.into_remainder().iter_mut();
    for ((t, v), w) in rest.zip(v_chunks.remainder()).zip(w_chunks.remainder()) {
        *t += factor * v;
        sum += *t * w;
    }
    sum
}

/// |v|, without overflow or underflow of the squares.
pub(super) fn norm(v: &[f64]) -> f64 {
    let largest = v.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest
        * v.iter()
            .map(|x| (x / largest) * (x / largest))
            .sum::<f64>()
            .sqrt()
}

fn collect(sums: &[f64; LANES]) -> f64 {
    let half = |k: usize| sums[k] + sums[k + LANES / 2];
    (half(0) + half(2)) + (half(1) + half(3))
}
