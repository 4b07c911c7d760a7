//! The block-arrow factorization against a dense one, for every backend and
//! many shapes. All tolerances are backward error bounds: with L computed,
//! ‖A − LLᵀ‖ ≤ c ε ‖|L||Lᵀ|‖ ≤ c ε tr A, where c is a small multiple of the order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use deepest::Error;
use deepest::linalg::{ArrowShape, Backend, BlockArrow, ChainShape, Failure, Front, Indefinite};
use proptest::prelude::*;

/// Uniform numbers in (−1, 1) (Knuth's MMIX generator).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn vector(&mut self, length: usize) -> Vec<f64> {
        (0..length).map(|_| self.next()).collect()
    }
}

/// A random matrix of a shape: per front GᵀG (assembled by one of three ways)
/// plus a positive diagonal at the pivots; and the same matrix dense.
struct Example {
    shape: ArrowShape,
    fronts: Vec<LocalFront>,
    dense: Dense,
    rhs: Vec<f64>,
}

struct LocalFront {
    rows: usize,
    gram: Vec<f64>,
    diagonal: Vec<f64>,
    /// Index of each local unknown in a vector.
    place: Vec<usize>,
}

/// Column-major square matrix.
#[derive(Clone)]
struct Dense {
    order: usize,
    values: Vec<f64>,
}

impl Dense {
    fn zero(order: usize) -> Self {
        let values = vec![0.0; order * order];
        Self { order, values }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.values[j * self.order + i]
    }

    fn add(&mut self, i: usize, j: usize, value: f64) {
        self.values[j * self.order + i] += value;
    }

    fn trace(&self) -> f64 {
        (0..self.order).map(|i| self.at(i, i)).sum()
    }

    /// The Cholesky factor of the leading `count` columns and what is left of the others.
    fn eliminated(&self, count: usize) -> Self {
        let mut a = self.clone();
        let n = self.order;
        for p in 0..count {
            let root = a.at(p, p).sqrt();
            (p..n).for_each(|i| a.values[p * n + i] /= root);
            for j in p + 1..n {
                for i in j..n {
                    let product = a.at(i, p) * a.at(j, p);
                    a.add(i, j, -product);
                }
            }
        }
        a
    }

    /// ‖A⁻¹‖ (Frobenius) from a Cholesky factor, by columns of L⁻¹.
    fn inverse_norm(&self) -> f64 {
        let factor = self.eliminated(self.order);
        let mut sum = 0.0;
        for c in 0..self.order {
            let mut x = vec![0.0; self.order];
            x[c] = 1.0;
            for i in c..self.order {
                let dot: f64 = (c..i).map(|j| factor.at(i, j) * x[j]).sum();
                x[i] = (x[i] - dot) / factor.at(i, i);
                sum += x[i] * x[i];
            }
        }
        sum // ‖L⁻¹‖² ≥ ‖A⁻¹‖
    }
}

impl Example {
    fn new(shape: ArrowShape, seed: u64) -> Self {
        let mut noise = Noise(seed);
        let mut dense = Dense::zero(shape.dimension());
        let mut fronts = Vec::new();
        let border_start = shape.dimension() - shape.border();
        let mut start = 0;
        for chain in shape.chains() {
            for (k, &left) in chain.nodes.iter().enumerate() {
                let interior = chain.interiors.get(k).copied().unwrap_or(0);
                let right = chain.nodes.get(k + 1).copied().unwrap_or(0);
                let mut place: Vec<usize> = (start + left..start + left + interior).collect();
                place.extend(start..start + left);
                place.extend(start + left + interior..start + left + interior + right);
                place.extend(border_start..shape.dimension());
                start += left + interior;
                let n = place.len();
                let rows = 1 + n / 2;
                let gram = noise.vector(rows * n);
                let diagonal: Vec<f64> = (0..n).map(|_| 0.1 + noise.next().abs()).collect();
                for j in 0..n {
                    for i in 0..n {
                        let dot: f64 = (0..rows).map(|r| gram[r * n + i] * gram[r * n + j]).sum();
                        let shift = if i == j { diagonal[j] } else { 0.0 };
                        dense.add(place[i], place[j], dot + shift);
                    }
                }
                fronts.push(LocalFront {
                    rows,
                    gram,
                    diagonal,
                    place,
                });
            }
        }
        let rhs = noise.vector(shape.dimension());
        Self {
            shape,
            fronts,
            dense,
            rhs,
        }
    }

    /// Adds front number `index` in one of three ways.
    fn assemble(&self, index: usize, front: &mut Front) {
        let local = &self.fronts[index];
        let n = local.place.len();
        let sizes = front.sizes();
        assert_eq!(sizes.total(), n);
        let entry = |i: usize, j: usize| -> f64 {
            (0..local.rows)
                .map(|r| local.gram[r * n + i] * local.gram[r * n + j])
                .sum()
        };
        match index % 3 {
            0 => front.add_gram(&local.gram, local.rows),
            1 => {
                let all: Vec<f64> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
                // One block across the diagonal, one row of blocks below it.
                let half = n / 2;
                let part = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
                    let columns = &columns;
                    let values = rows.flat_map(|i| columns.clone().map(move |j| i * n + j));
                    values.map(|at| all[at]).collect::<Vec<f64>>()
                };
                front.add_block(0, 0, half, half, &part(0..half, 0..half));
                front.add_block(half, 0, n - half, half, &part(half..n, 0..half));
                front.add_block(half, half, n - half, n - half, &part(half..n, half..n));
            }
            _ => {
                let (buffer, base) = front.parts();
                for j in 0..n {
                    for i in j..n {
                        buffer[base[j] + i] += entry(i, j);
                    }
                }
            }
        }
        for (i, value) in local.diagonal.iter().enumerate() {
            front.add(i, i, *value);
        }
    }

    fn factor(&self, arrow: &mut BlockArrow) -> Result<(), Failure> {
        let mut index = 0;
        arrow.factor(&self.rhs, |_, _, front| {
            self.assemble(index, front);
            index += 1;
        })
    }

    /// c ε tr A: bounds every backward error here, assembly included.
    fn backward_error(&self) -> f64 {
        (4 * self.dense.order + 40) as f64 * f64::EPSILON * self.dense.trace()
    }

    /// |b − A x| row by row against the bound, for the first `rows` rows.
    fn check_residual(&self, x: &[f64], b: &[f64], rows: usize) {
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        for i in 0..rows {
            let product: f64 = (0..x.len()).map(|j| self.dense.at(i, j) * x[j]).sum();
            let residual = (b[i] - product).abs();
            let bound = self.backward_error() * norm + f64::EPSILON * b[i].abs();
            assert!(
                residual <= bound,
                "row {i}: residual {residual}, bound {bound}"
            );
        }
    }

    /// The Schur complement, with the backward error carried through
    /// S = [−W I] A [−W I]ᵀ, W = A₂₁A₁₁⁻¹.
    fn check_border(&self, arrow: &BlockArrow) {
        let (n, border) = (self.dense.order, self.shape.border());
        let chains = n - border;
        let reduced = self.dense.eliminated(chains);
        // ‖W‖² ≤ ‖L₂₁‖² ‖L₁₁⁻¹‖².
        let lower: f64 = (0..chains)
            .flat_map(|j| (chains..n).map(move |i| (i, j)))
            .map(|(i, j)| reduced.at(i, j).powi(2))
            .sum();
        let mut leading = Dense::zero(chains);
        for j in 0..chains {
            (0..chains).for_each(|i| leading.add(i, j, self.dense.at(i, j)));
        }
        let bound = 2.0 * self.backward_error() * (1.0 + lower * leading.inverse_norm());
        let (s, ld) = arrow.border_matrix();
        for j in 0..border {
            for i in j..border {
                let expected = reduced.at(chains + i, chains + j);
                let found = s[j * ld + i];
                assert!(
                    (found - expected).abs() <= bound,
                    "S({i}, {j}): {found}, {expected}"
                );
            }
        }
        assert_eq!(arrow.border_rhs().len(), border);
    }

    fn check_log_determinant(&self, arrow: &BlockArrow) {
        let n = self.dense.order;
        let factor = self.dense.eliminated(n);
        let logs: Vec<f64> = (0..n).map(|i| 2.0 * factor.at(i, i).ln()).collect();
        let expected: f64 = logs.iter().sum();
        let size: f64 = logs.iter().map(|v| v.abs()).sum();
        // |δ ln det| ≤ |tr(A⁻¹ E)| for both factorizations, and the sums' rounding.
        let root = (n as f64).sqrt();
        let bound = 2.0 * self.backward_error() * root * self.dense.inverse_norm()
            + n as f64 * f64::EPSILON * size;
        let found = arrow.log_determinant();
        assert!(
            (found - expected).abs() <= bound,
            "{found} against {expected}"
        );
    }

    fn check_all(&self, backend: Backend) {
        let (n, border) = (self.dense.order, self.shape.border());
        let mut arrow = BlockArrow::with_backend(self.shape.clone(), backend).unwrap();
        // Twice: nothing of the first factorization may be left in the second.
        self.factor(&mut arrow).unwrap();
        self.factor(&mut arrow).unwrap();
        self.check_border(&arrow);
        assert!(arrow.log_determinant().is_nan());
        let (mut z, mut x) = (vec![0.0; border], vec![0.0; n]);
        arrow.solve_border(&mut z).unwrap();
        arrow.back_substitute(&z, &mut x).unwrap();
        assert_eq!(x[n - border..], z);
        self.check_residual(&x, &self.rhs, n);
        self.check_log_determinant(&arrow);
        // Other border values: the chains' rows still hold.
        let fixed = Noise(9).vector(border);
        arrow.back_substitute(&fixed, &mut x).unwrap();
        assert_eq!(x[n - border..], fixed);
        self.check_residual(&x, &self.rhs, n - border);
        // A further right-hand side.
        let other = Noise(10).vector(n);
        x.copy_from_slice(&other);
        arrow.solve(&mut x).unwrap();
        self.check_residual(&x, &other, n);
    }
}

fn backends() -> Vec<Backend> {
    [
        Backend::Auto,
        Backend::Plain,
        Backend::Tile,
        Backend::Faer,
        Backend::Lapack,
    ]
    .into_iter()
    .filter(|&backend| {
        let shape = ArrowShape::new(vec![ChainShape::uniform(1, 1, 0)], 0).unwrap();
        match BlockArrow::with_backend(shape, backend) {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, Error::BackendNotBuilt { .. }));
                false
            }
        }
    })
    .collect()
}

fn chain(most: usize) -> impl Strategy<Value = ChainShape> {
    proptest::collection::vec((1..=most, 0..=most), 1..6).prop_map(|sizes| ChainShape {
        nodes: sizes.iter().map(|size| size.0).collect(),
        interiors: sizes[1..]
            .iter()
            .map(|size| size.1 / 2 * (size.1 % 2))
            .collect(),
    })
}

fn shapes() -> impl Strategy<Value = ArrowShape> {
    let chains = prop_oneof![
        proptest::collection::vec(chain(4), 1..5),
        proptest::collection::vec(chain(13), 1..3),
        proptest::collection::vec(chain(30), 1..2),
    ];
    (chains, 0..=25usize).prop_map(|(chains, border)| ArrowShape::new(chains, border).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn every_backend_solves_every_shape(shape in shapes(), seed: u64) {
        let example = Example::new(shape, seed);
        for backend in backends() {
            example.check_all(backend);
        }
    }

    #[test]
    fn a_bad_diagonal_is_found_where_it_is(shape in shapes(), seed: u64, pick: prop::sample::Index) {
        let example = Example::new(shape, seed);
        let unknown = pick.index(example.dense.order);
        let owner = owner(&example, unknown);
        for backend in backends() {
            for bad in [f64::NAN, f64::INFINITY, -1e6] {
                let mut arrow = BlockArrow::with_backend(example.shape.clone(), backend).unwrap();
                let mut index = 0;
                let mut done = false;
                let mut result = arrow.factor(&example.rhs, |_, _, front| {
                    example.assemble(index, front);
                    let place = &example.fronts[index].place;
                    if let Some(local) = place.iter().position(|&at| at == unknown && !done) {
                        front.add(local, local, bad);
                        done = true;
                    }
                    index += 1;
                });
                if result.is_ok() {
                    result = arrow.solve_border(&mut vec![0.0; example.shape.border()]);
                }
                let Err(Failure::Indefinite(found)) = result else {
                    panic!("{bad} went unseen: {result:?}");
                };
                prop_assert_eq!((found.chain, found.front, found.row), owner);
                prop_assert_eq!(found.pivot.is_nan(), !bad.is_finite());
                prop_assert!(found.pivot.is_nan() || found.pivot <= 0.0);
            }
        }
    }
}

/// Chain, front and local row where an unknown is eliminated.
fn owner(example: &Example, unknown: usize) -> (usize, usize, usize) {
    let mut fronts = example.fronts.iter();
    for (number, chain) in example.shape.chains().iter().enumerate() {
        for k in 0..chain.nodes.len() {
            let pivots = chain.nodes[k] + chain.interiors.get(k).copied().unwrap_or(0);
            let place = &fronts.next().unwrap().place[..pivots];
            if let Some(row) = place.iter().position(|&at| at == unknown) {
                return (number, k, row);
            }
        }
    }
    let border_start = example.dense.order - example.shape.border();
    (example.shape.chains().len(), 0, unknown - border_start)
}

fn small() -> ArrowShape {
    ArrowShape::new(
        vec![ChainShape::uniform(3, 4, 2), ChainShape::uniform(1, 2, 0)],
        3,
    )
    .unwrap()
}

#[test]
fn nan_anywhere_in_the_matrix_is_indefinite() {
    let example = Example::new(small(), 1);
    for backend in backends() {
        for (index, local) in example.fronts.iter().enumerate() {
            let n = local.place.len();
            for column in 0..n {
                for row in column..n {
                    let mut arrow =
                        BlockArrow::with_backend(example.shape.clone(), backend).unwrap();
                    let mut at = 0;
                    let result = arrow.factor(&example.rhs, |_, _, front| {
                        example.assemble(at, front);
                        if at == index {
                            front.add(row, column, f64::NAN);
                        }
                        at += 1;
                    });
                    let border_only = column >= n - 3 && row > column;
                    let result = match result {
                        Ok(()) if border_only => arrow.solve_border(&mut [0.0; 3]),
                        other => other,
                    };
                    assert!(
                        matches!(&result, Err(Failure::Indefinite(bad)) if bad.pivot.is_nan()),
                        "{backend:?} front {index} ({row}, {column}): {result:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn wrong_input_is_an_error() {
    let example = Example::new(small(), 2);
    let n = example.dense.order;
    let mut arrow = BlockArrow::new(small());
    let missing = |error: &Error| matches!(error, Error::Missing { .. });
    assert!(missing(
        &arrow
            .back_substitute(&[0.0; 3], &mut vec![0.0; n])
            .unwrap_err()
    ));
    assert!(matches!(arrow.solve_border(&mut [0.0; 3]), Err(Failure::Input(e)) if missing(&e)));
    assert!(matches!(arrow.solve(&mut vec![0.0; n]), Err(Failure::Input(e)) if missing(&e)));
    assert!(arrow.log_determinant().is_nan());
    let length = |error: Failure| matches!(error, Failure::Input(Error::Length { .. }));
    assert!(length(arrow.factor(&[1.0], |_, _, _| {}).unwrap_err()));
    let infinite = arrow.factor(&vec![f64::INFINITY; n], |_, _, _| {});
    assert!(matches!(
        infinite,
        Err(Failure::Input(Error::NotFinite { .. }))
    ));
    example.factor(&mut arrow).unwrap();
    assert!(length(arrow.solve_border(&mut [0.0; 4]).unwrap_err()));
    assert!(length(arrow.solve(&mut [0.0; 4]).unwrap_err()));
    assert!(arrow.back_substitute(&[0.0; 2], &mut vec![0.0; n]).is_err());
    assert!(
        arrow
            .back_substitute(&[0.0; 3], &mut vec![0.0; n + 1])
            .is_err()
    );
    arrow.solve(&mut vec![1.0; n]).unwrap();
    // A failed factorization leaves nothing to solve with.
    assert!(arrow.factor(&example.rhs, |_, _, _| {}).is_err());
    assert!(arrow.solve(&mut vec![1.0; n]).is_err());
}

#[test]
fn entries_outside_their_front_are_an_error() {
    type Misplace = fn(&mut Front);
    let cases: [Misplace; 9] = [
        |front| front.add(0, 1, 1.0),
        |front| front.add(1000, 0, 1.0),
        |front| front.add(usize::MAX, usize::MAX, 1.0),
        |front| front.add_block(0, 1, 1, 1, &[1.0]),
        |front| front.add_block(0, 0, 2, 2, &[1.0]),
        |front| front.add_block(usize::MAX, 0, 2, 2, &[1.0; 4]),
        |front| front.add_block(0, 0, usize::MAX, 0, &[]),
        |front| front.add_gram(&[1.0], 1),
        |front| front.add_gram(&[], usize::MAX),
    ];
    let rhs = vec![0.0; small().dimension()];
    for (case, misplace) in cases.iter().enumerate() {
        let mut arrow = BlockArrow::new(small());
        let result = arrow.factor(&rhs, |_, _, front| misplace(front));
        let found = matches!(result, Err(Failure::Input(Error::OutOfRange { .. })));
        assert!(found, "case {case}: {result:?}");
    }
}

#[test]
fn impossible_shapes_are_an_error() {
    let chain = |nodes: &[usize], interiors: &[usize]| ChainShape {
        nodes: nodes.to_vec(),
        interiors: interiors.to_vec(),
    };
    let new = |chain, border| ArrowShape::new(vec![chain], border);
    assert!(matches!(
        ArrowShape::new(vec![], 1),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(new(chain(&[], &[]), 0), Err(Error::Empty { .. })));
    assert!(matches!(
        new(chain(&[1, 1], &[]), 0),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        new(chain(&[1, 0], &[0]), 0),
        Err(Error::NotPositive { .. })
    ));
    assert!(matches!(
        new(chain(&[usize::MAX; 2], &[0]), 0),
        Err(Error::OutOfRange { .. })
    ));
    assert!(matches!(
        new(chain(&[1], &[]), usize::MAX),
        Err(Error::OutOfRange { .. })
    ));
}

#[test]
fn memory_stays_near_the_matrix() {
    for (d, m, border) in [
        (4, 4, 18),
        (20, 20, 1),
        (20, 0, 1),
        (80, 80, 1),
        (10, 10, 3),
    ] {
        let intervals = 200;
        let shape =
            ArrowShape::new(vec![ChainShape::uniform(intervals + 1, d, m)], border).unwrap();
        let own = intervals * (m * m + m * (2 * d + border) + 2 * d * d + d * border) * 8;
        let bookkeeping = 300 * intervals + 64 * (d + border) * (d + border) + 4096;
        let held = BlockArrow::new(shape).factor_bytes();
        let most = own * 11 / 10 + bookkeeping;
        assert!(
            held <= most,
            "d = {d}: {held} bytes held, {own} of the matrix"
        );
    }
}

#[test]
fn factors_beyond_the_caches_solve_as_well() {
    // Over 2 MB, which are written past the caches and fetched ahead.
    let (intervals, d, m) = (700, 10, 10);
    let chain = ChainShape::uniform(intervals + 1, d, m);
    let shape = ArrowShape::new(vec![chain], 1).unwrap();
    let order = shape.dimension();
    let places = |k: usize| -> Vec<usize> {
        let left = k * (d + m);
        let interior = if k < intervals { m } else { 0 };
        let right = if k < intervals { d } else { 0 };
        let own = (left + d..left + d + interior).chain(left..left + d);
        let next = left + d + interior;
        own.chain(next..next + right).chain([order - 1]).collect()
    };
    let mut noise = Noise(5);
    let grams: Vec<Vec<f64>> = (0..=intervals)
        .map(|k| noise.vector(places(k).len().pow(2)))
        .collect();
    let rhs = noise.vector(order);
    let mut arrow = BlockArrow::new(shape);
    assert!(arrow.factor_bytes() > 2 << 20);
    let factored = arrow.factor(&rhs, |_, k, front| {
        let n = front.sizes().total();
        front.add_gram(&grams[k], n);
        (0..n).for_each(|i| front.add(i, i, 1.0));
    });
    factored.unwrap();
    let (mut z, mut x) = ([0.0], vec![0.0; order]);
    arrow.solve_border(&mut z).unwrap();
    arrow.back_substitute(&z, &mut x).unwrap();
    let mut again = rhs.clone();
    arrow.solve(&mut again).unwrap();
    // Of entries of GᵀG a front of n has at most n each, in two fronts together.
    let n = (2 * d + m + 1) as f64;
    let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    for x in [x, again] {
        let mut left: Vec<f64> = rhs.clone();
        for (k, gram) in grams.iter().enumerate() {
            let places = places(k);
            for row in gram.chunks_exact(places.len()) {
                let product: f64 = row.iter().zip(&places).map(|(g, &i)| g * x[i]).sum();
                for (g, &i) in row.iter().zip(&places) {
                    left[i] -= g * product;
                }
            }
            places.iter().for_each(|&i| left[i] -= x[i]);
        }
        // The border's row is as long as the chain.
        let border = left.pop().unwrap();
        let bound = 16.0 * n * f64::EPSILON * 2.0 * n * n * largest(&x);
        assert!(largest(&left) <= bound && border.abs() <= bound * intervals as f64);
    }
}

#[test]
fn indefinite_reads_well() {
    let bad = Indefinite {
        chain: 1,
        front: 2,
        row: 3,
        pivot: -0.5,
    };
    let expected = "indefinite matrix: pivot -0.5 in row 3 of front 2 of chain 1";
    assert_eq!(Failure::from(bad).to_string(), expected);
}

/// An action can choose the dense kernel: the step is the same to rounding, or the error
/// names the feature that is missing.
#[test]
fn an_action_chooses_its_dense_kernel() {
    use deepest::minimize::Curvature;
    use deepest::models::Lorenz96;
    use deepest::prelude::*;

    let step = |backend: Backend| {
        let model = || Lorenz96 { sites: 40 };
        let grid = Grid::uniform(0.0, 0.02, 11)?;
        let truth = Simulation::new(grid, [8.2]).seed(3).spin_up(2.0);
        let truth = truth.flow(&model())?;
        let observed: Vec<usize> = (0..40).step_by(2).collect();
        let twin = truth.observe(&Measurement::new(&observed, deepest::Noise::scalar(0.5)?))?;
        let action = Action::builder(model(), SimpsonHermite)
            .windows([twin.window()?, twin.window()?])
            .parameter("forcing", Bounds::new(0.0, 20.0)?)
            .backend(backend)
            .build()?;
        let paths = vec![twin.truth.clone(), twin.truth.clone()];
        let x = action.pack(&Estimate::new(paths, [8.0]))?;
        let mut objective = action.at(2.0)?;
        let (mut gradient, mut step) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        objective.value_and_gradient(&x, &mut gradient);
        let solved = objective.newton_step(&x, Curvature::Exact, 0.1, &gradient, &mut step);
        assert!(solved.is_ok());
        Ok::<_, Error>(step)
    };
    let plain = step(Backend::Plain).unwrap();
    let size = plain.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (backend, feature) in [
        (Backend::Auto, None),
        (
            Backend::Faer,
            (!cfg!(feature = "large-blocks")).then_some("large-blocks"),
        ),
        (
            Backend::Lapack,
            (!cfg!(feature = "lapack")).then_some("lapack"),
        ),
    ] {
        match (step(backend), feature) {
            (Ok(step), None) => {
                for (found, expected) in step.iter().zip(&plain) {
                    assert!((found - expected).abs() <= 1e-10 * size, "{backend:?}");
                }
            }
            (Err(Error::BackendNotBuilt { feature, .. }), Some(expected)) => {
                assert_eq!(feature, expected);
            }
            (other, _) => panic!("{backend:?}: {:?}", other.map(|step| step.len())),
        }
    }
}
