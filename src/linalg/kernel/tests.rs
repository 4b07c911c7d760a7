//! Every kernel on every instruction set, by the entrywise backward error.

use super::*;
use crate::linalg::layout::Layout;
use crate::linalg::shape::{ArrowShape, ChainShape};
use crate::simd::{Isa, keeping};

/// Uniform numbers in (−1, 1) (Knuth's MMIX generator).
fn noise(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// One front of a random positive definite matrix, and the buffer that holds it.
fn random_front(pivots: usize, right: usize, border: usize) -> (Vec<f64>, Geometry) {
    let chain = ChainShape {
        nodes: if right > 0 {
            vec![pivots, right]
        } else {
            vec![pivots]
        },
        interiors: vec![0; usize::from(right > 0)],
    };
    let shape = ArrowShape::new(vec![chain], border).expect("a valid shape");
    let layout = Layout::new(&shape, [0, 0]);
    let front = layout.steps[0].geometry;
    let mut buffer = vec![0.0; layout.front_end];
    let mut state = (pivots * 10_000 + right * 100 + border) as u64;
    let order = front.unknowns();
    for column in 0..order {
        for row in column..front.rows() {
            let place = plain::position(&front, row, column);
            buffer[place] = noise(&mut state);
            if row == column {
                buffer[place] += order as f64;
            }
        }
    }
    (buffer, front)
}

/// |A − L Lᵀ| ≤ (k + 3) ε (|L| |Lᵀ| + |A|) in every entry, with the trailing
/// columns counted as what is left over.
fn check(original: &[f64], eliminated: &[f64], front: &Geometry) {
    let entry = |values: &[f64], i, j| values[plain::position(front, i, j)];
    for j in 0..front.unknowns() {
        for i in j..front.rows() {
            let (mut sum, mut size) = (0.0, 0.0);
            for p in 0..front.pivots.min(j + 1) {
                let term = entry(eliminated, i, p) * entry(eliminated, j, p);
                sum += term;
                size += term.abs();
            }
            if j >= front.pivots {
                sum += entry(eliminated, i, j);
                size += entry(eliminated, i, j).abs();
            }
            let expected = entry(original, i, j);
            let bound = (front.pivots + 3) as f64 * f64::EPSILON * (size + expected.abs());
            assert!(
                (sum - expected).abs() <= bound,
                "pivots {}, entry ({i}, {j}): {sum} against {expected}",
                front.pivots
            );
        }
    }
}

/// Pad rows must stay zero, or they would pile up over the fronts.
fn check_pads(eliminated: &[f64], front: &Geometry) {
    for j in 0..front.pivots {
        for i in front.rows()..front.ld {
            assert_eq!(eliminated[front.panel + j * front.ld + i], 0.0);
        }
    }
    for block in front.trailing() {
        for j in 0..block.columns {
            for i in front.rows() - block.first..block.ld {
                assert_eq!(eliminated[block.base + j * block.ld + i], 0.0);
            }
        }
    }
}

fn kernels() -> Vec<Kernel> {
    let with = |backend| move |isa| Kernel { backend, isa };
    let mut kernels = vec![Kernel {
        backend: Backend::Plain,
        isa: Isa::detect(),
    }];
    kernels.extend(Isa::available().into_iter().map(with(Backend::Tile)));
    if cfg!(feature = "large-blocks") {
        kernels.extend(Isa::available().into_iter().map(with(Backend::Faer)));
    }
    if cfg!(feature = "lapack") {
        kernels.push(Kernel {
            backend: Backend::Lapack,
            isa: Isa::detect(),
        });
    }
    kernels
}

#[test]
fn every_size_on_every_instruction_set() {
    for kernel in kernels() {
        for pivots in 1..=40 {
            for (right, border) in [(0, 0), (0, 3), (1, 0), (5, 1), (8, 18), (21, 2), (40, 25)] {
                let (original, front) = random_front(pivots, right, border);
                let mut eliminated = original.clone();
                assert!(kernel.eliminate(&mut eliminated, &front).is_ok());
                check(&original, &eliminated, &front);
                check_pads(&eliminated, &front);
            }
        }
    }
}

#[test]
fn large_fronts() {
    for kernel in kernels() {
        for (pivots, right, border) in [(64, 10, 1), (97, 50, 3), (160, 80, 1), (300, 7, 0)] {
            let (original, front) = random_front(pivots, right, border);
            let mut eliminated = original.clone();
            assert!(kernel.eliminate(&mut eliminated, &front).is_ok());
            check(&original, &eliminated, &front);
            check_pads(&eliminated, &front);
        }
    }
}

#[test]
fn bad_pivots_are_found_where_they_are() {
    for kernel in kernels() {
        for pivots in [1, 5, 8, 13, 40, 70, 130] {
            for row in [0, pivots / 2, pivots - 1] {
                for bad in [-1.0, f64::NAN, f64::INFINITY, 0.0] {
                    let (mut buffer, front) = random_front(pivots, 3, 1);
                    buffer[plain::position(&front, row, row)] = bad;
                    if bad == 0.0 {
                        // A zero row and column: the pivot is exactly zero.
                        (0..row).for_each(|j| buffer[plain::position(&front, row, j)] = 0.0);
                    }
                    let found = kernel
                        .eliminate(&mut buffer, &front)
                        .expect_err("bad pivot");
                    assert_eq!(found.row, row, "{kernel:?} {pivots} {bad}");
                    assert_eq!(found.pivot.is_nan(), !bad.is_finite());
                    assert!(found.pivot.is_nan() || found.pivot <= 0.0);
                }
            }
        }
    }
}

#[test]
fn substitution_undoes_multiplication() {
    for isa in Isa::available() {
        let kernel = Kernel {
            backend: Backend::Tile,
            isa,
        };
        for pivots in 1..=40 {
            let (mut buffer, front) = random_front(pivots, pivots / 3, pivots % 5);
            assert!(kernel.eliminate(&mut buffer, &front).is_ok());
            let order = front.unknowns();
            let mut state = pivots as u64;
            let mut x = vec![0.0; front.ld];
            x[..order].fill_with(|| noise(&mut state));
            let lower = |i: usize, j: usize| {
                if i < j {
                    0.0
                } else {
                    buffer[front.panel + j * front.ld + i]
                }
            };
            // Forward: b = [L₁₁; L₂₁] x₁ + [0; x₂]. Backward: b₁ = L₁₁ᵀx₁ + L₂₁ᵀx₂.
            let (mut b, mut c) = (x.clone(), x.clone());
            for i in 0..order {
                let below = if i < pivots { 0.0 } else { x[i] };
                b[i] = below + (0..pivots).map(|j| lower(i, j) * x[j]).sum::<f64>();
            }
            for j in 0..pivots {
                c[j] = (j..order).map(|i| lower(i, j) * x[i]).sum();
            }
            let mut factor = buffer.clone();
            Kernel::pack(&mut factor, &front);
            kernel.forward(&factor, &front.stairs(), &mut b);
            kernel.backward(&factor, &front.stairs(), &mut c, &[]);
            // The factor is diagonally dominant: its condition is below 4.
            let bound = 16.0 * (order * order) as f64 * f64::EPSILON;
            for i in 0..order {
                assert!((b[i] - x[i]).abs() <= bound, "forward {pivots} {i}");
                assert!((c[i] - x[i]).abs() <= bound, "backward {pivots} {i}");
            }
        }
    }
}

#[test]
fn columns_are_kept_near_and_far_as_they_are() {
    for isa in Isa::available() {
        let kernel = Kernel {
            backend: Backend::Tile,
            isa,
        };
        // Streaming stores need a place that is aligned, and do without elsewhere.
        for (pivots, offset) in (1..=40).zip([0, 3, 4].into_iter().cycle()) {
            let (buffer, front) = random_front(pivots, pivots / 2, pivots % 3);
            let mut packed = buffer.clone();
            Kernel::pack(&mut packed, &front);
            for far in [false, true] {
                let mut factor = vec![f64::NAN; front.panel_end() + 16];
                let origin = factor.as_ptr().align_offset(64).min(8);
                let kept = front.stairs_at(origin + offset);
                keeping(&mut factor, far, |place| {
                    kernel.keep(&buffer, &front, (place, &kept));
                });
                let outside = [&factor[..kept.base], &factor[kept.end()..]].concat();
                assert!(outside.iter().all(|v| v.is_nan()));
                for j in 0..pivots {
                    for i in Stairs::first(j)..front.ld {
                        let expected = buffer[front.panel + j * front.ld + i];
                        assert_eq!(factor[kept.entry(i, j)], expected, "{isa:?} {far} {i} {j}");
                        assert_eq!(packed[front.stairs().entry(i, j)], expected);
                    }
                }
            }
        }
    }
}
