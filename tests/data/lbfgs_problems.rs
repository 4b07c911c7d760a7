//! The test problems of `lbfgs_reference.py`, with forward-mode gradients.

pub(crate) use super::dual::Dual;
use super::dual::dual;

fn sum_of_squares(r: impl IntoIterator<Item = Dual>) -> Dual {
    r.into_iter().map(Dual::sq).sum()
}

fn rosenbrock(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(
        x.chunks_exact(2)
            .flat_map(|p| [(p[1] - p[0].sq()) * 10.0, -p[0] + 1.0]),
    )
}

fn freudenstein_roth(x: &[Dual]) -> Vec<Dual> {
    let (a, b) = (x[0], x[1]);
    Vec::from_iter([
        a + ((-b + 5.0) * b - 2.0) * b - 13.0,
        a + ((b + 1.0) * b - 14.0) * b - 29.0,
    ])
}

fn powell_badly_scaled(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter([
        x[0] * x[1] * 1e4 - 1.0,
        (-x[0]).exp() + (-x[1]).exp() - 1.0001,
    ])
}

fn brown_badly_scaled(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])
}

fn beale(x: &[Dual]) -> Vec<Dual> {
    let powers = [x[1], x[1].sq(), x[1].sq() * x[1]];
    Vec::from_iter(
        powers
            .iter()
            .zip([1.5, 2.25, 2.625])
            .map(|(&p, y)| -(x[0] * (-p + 1.0)) + y),
    )
}

fn jennrich_sampson(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(
        (1..=10)
            .map(f64::from)
            .map(|i| -((x[0] * i).exp() + (x[1] * i).exp()) + 2.0 + 2.0 * i),
    )
}

fn helical_valley(x: &[Dual]) -> Vec<Dual> {
    let turn = if x[0].v < 0.0 { 0.5 } else { 0.0 };
    let angle = (x[1] / x[0]).atan() * (0.5 / std::f64::consts::PI) + turn;
    let radius = (x[0].sq() + x[1].sq()).sqrt();
    Vec::from_iter([(x[2] - angle * 10.0) * 10.0, (radius - 1.0) * 10.0, x[2]])
}

const BARD: [f64; 15] = [
    0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39,
];

fn bard(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(BARD.iter().zip(1..).map(|(&y, i)| {
        let u = f64::from(i);
        let (v, w) = (16.0 - u, u.min(16.0 - u));
        -(x[0] + dual(u, 0.0) / (x[1] * v + x[2] * w)) + y
    }))
}

const GAUSSIAN: [f64; 8] = [
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
];

fn gaussian(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter((0..15).map(|i| {
        let t = (7.0 - i as f64) / 2.0;
        let y = GAUSSIAN[if i < 8 { i } else { 14 - i }];
        x[0] * (x[1] * (-x[2] + t).sq() * -0.5).exp() - y
    }))
}

const MEYER: [f64; 16] = [
    34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0,
    5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
];

fn meyer(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(
        MEYER
            .iter()
            .zip(1..)
            .map(|(&y, i)| x[0] * (x[1] / (x[2] + 45.0 + 5.0 * f64::from(i))).exp() - y),
    )
}

fn box_3d(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter((1..=10).map(|i| {
        let t = 0.1 * f64::from(i);
        let last = (-t).exp() - (-10.0 * t).exp();
        (x[0] * -t).exp() - (x[1] * -t).exp() - x[2] * last
    }))
}

fn powell_singular(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(x.chunks_exact(4).flat_map(|p| {
        [
            p[0] + p[1] * 10.0,
            (p[2] - p[3]) * 5.0_f64.sqrt(),
            (p[1] - p[2] * 2.0).sq(),
            (p[0] - p[3]).sq() * 10.0_f64.sqrt(),
        ]
    }))
}

fn wood(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter([
        (x[1] - x[0].sq()) * 10.0,
        -x[0] + 1.0,
        (x[3] - x[2].sq()) * 90.0_f64.sqrt(),
        -x[2] + 1.0,
        (x[1] + x[3] - 2.0) * 10.0_f64.sqrt(),
        (x[1] - x[3]) * 0.1_f64.sqrt(),
    ])
}

const KOWALIK: [(f64, f64); 11] = [
    (0.1957, 4.0),
    (0.1947, 2.0),
    (0.1735, 1.0),
    (0.1600, 0.5),
    (0.0844, 0.25),
    (0.0627, 0.167),
    (0.0456, 0.125),
    (0.0342, 0.1),
    (0.0323, 0.0833),
    (0.0235, 0.0714),
    (0.0246, 0.0625),
];

fn kowalik_osborne(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(
        KOWALIK.map(|(y, u)| -(x[0] * (x[1] * u + u * u) / (x[2] * u + x[3] + u * u)) + y),
    )
}

fn brown_dennis(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter((1..=20).map(|i| {
        let t = f64::from(i) / 5.0;
        (x[0] + x[1] * t - t.exp()).sq() + (x[2] + x[3] * t.sin() - t.cos()).sq()
    }))
}

const OSBORNE: [f64; 33] = [
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685,
    0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448,
    0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
];

fn osborne_1(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(OSBORNE.iter().zip(0..).map(|(&y, i)| {
        let t = -10.0 * f64::from(i);
        -(x[0] + x[1] * (x[3] * t).exp() + x[2] * (x[4] * t).exp()) + y
    }))
}

fn biggs_exp6(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter((1..=13).map(|i| {
        let t = -0.1 * f64::from(i);
        let y = t.exp() - 5.0 * (10.0 * t).exp() + 3.0 * (4.0 * t).exp();
        x[2] * (x[0] * t).exp() - x[3] * (x[1] * t).exp() + x[5] * (x[4] * t).exp() - y
    }))
}

fn watson(x: &[Dual]) -> Vec<Dual> {
    let terms = (1..30).map(|i| {
        let t = f64::from(i) / 29.0;
        let power = |j: usize| t.powi(j as i32);
        let a: Dual = (1..x.len()).map(|j| x[j] * (j as f64 * power(j - 1))).sum();
        let b: Dual = (0..x.len()).map(|j| x[j] * power(j)).sum();
        a - b.sq() - 1.0
    });
    Vec::from_iter(terms.chain([x[0], x[1] - x[0].sq() - 1.0]))
}

fn penalty_1(x: &[Dual]) -> Vec<Dual> {
    let near = x.iter().map(|&v| (v - 1.0) * 1e-5_f64.sqrt());
    near.chain([sum_of_squares(x.iter().copied()) - 0.25])
        .collect()
}

fn variably_dimensioned(x: &[Dual]) -> Vec<Dual> {
    let s: Dual = x
        .iter()
        .zip(1..)
        .map(|(&v, j)| (v - 1.0) * f64::from(j))
        .sum();
    x.iter().map(|&v| v - 1.0).chain([s, s.sq()]).collect()
}

fn trigonometric(x: &[Dual]) -> Vec<Dual> {
    let c: Dual = x.iter().map(|v| v.cos()).sum();
    Vec::from_iter(
        x.iter()
            .zip(1..)
            .map(|(v, i)| -c + x.len() as f64 + (-v.cos() + 1.0) * f64::from(i) - v.sin()),
    )
}

fn product(x: &[Dual]) -> Dual {
    x.iter().fold(dual(1.0, 0.0), |p, &v| p * v)
}

fn brown_almost_linear(x: &[Dual]) -> Vec<Dual> {
    let n = x.len();
    let s: Dual = x.iter().copied().sum();
    let linear = x[..n - 1].iter().map(|&v| v + s - (n as f64 + 1.0));
    Vec::from_iter(linear.chain([product(x) - 1.0]))
}

fn at(x: &[Dual], i: usize) -> Dual {
    x.get(i).copied().unwrap_or(dual(0.0, 0.0))
}

fn discrete_boundary_value(x: &[Dual]) -> Vec<Dual> {
    let h = 1.0 / (x.len() as f64 + 1.0);
    Vec::from_iter((0..x.len()).map(|i| {
        let c = x[i] + (i as f64 + 1.0) * h + 1.0;
        let neighbours = at(x, i.wrapping_sub(1)) + at(x, i + 1);
        x[i] * 2.0 - neighbours + c.sq() * c * (h * h / 2.0)
    }))
}

fn broyden_tridiagonal(x: &[Dual]) -> Vec<Dual> {
    Vec::from_iter(
        (0..x.len()).map(|i| {
            (-x[i] * 2.0 + 3.0) * x[i] - at(x, i.wrapping_sub(1)) - at(x, i + 1) * 2.0 + 1.0
        }),
    )
}

fn broyden_banded(x: &[Dual]) -> Vec<Dual> {
    let n = x.len();
    Vec::from_iter((0..n).map(|i| {
        let near = (i.saturating_sub(5)..n.min(i + 2)).filter(|&j| j != i);
        let sum: Dual = near.map(|j| x[j] * (x[j] + 1.0)).sum();
        x[i] * (x[i].sq() * 5.0 + 2.0) + 1.0 - sum
    }))
}

fn chebyquad(x: &[Dual]) -> Vec<Dual> {
    let n = x.len();
    let mut before = vec![dual(1.0, 0.0); n];
    let mut now: Vec<Dual> = x.iter().map(|&v| v * 2.0 - 1.0).collect();
    let mut residuals = Vec::with_capacity(n);
    for i in 1..=n {
        let mean = now.iter().copied().sum::<Dual>() * (1.0 / n as f64);
        let integral = if i % 2 == 1 {
            0.0
        } else {
            -1.0 / ((i * i - 1) as f64)
        };
        residuals.push(mean - integral);
        let next = (0..n)
            .map(|j| (x[j] * 2.0 - 1.0) * 2.0 * now[j] - before[j])
            .collect();
        before = std::mem::replace(&mut now, next);
    }
    residuals
}

fn hs3(x: &[Dual]) -> Dual {
    x[1] + (x[1] - x[0]).sq() * 1e-5
}

fn hs4(x: &[Dual]) -> Dual {
    (x[0] + 1.0).sq() * (x[0] + 1.0) * (1.0 / 3.0) + x[1]
}

fn hs5(x: &[Dual]) -> Dual {
    (x[0] + x[1]).sin() + (x[0] - x[1]).sq() - x[0] * 1.5 + x[1] * 2.5 + 1.0
}

fn hs45(x: &[Dual]) -> Dual {
    -product(x) * (1.0 / 120.0) + 2.0
}

fn hs110(x: &[Dual]) -> Dual {
    let logs = x.iter().flat_map(|&v| [(v - 2.0).ln(), (-v + 10.0).ln()]);
    sum_of_squares(logs) - (product(x).ln() * 0.2).exp()
}

/// What a problem is: residuals, the value being the sum of their squares, or
/// a value alone.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Squares(fn(&[Dual]) -> Vec<Dual>),
    Value(fn(&[Dual]) -> Dual),
}

impl Function {
    pub(crate) fn value(self, x: &[Dual]) -> Dual {
        match self {
            Function::Squares(residuals) => sum_of_squares(residuals(x)),
            Function::Value(value) => value(x),
        }
    }
}

/// The function of a problem of the reference table; problems that differ in
/// dimension, start or bounds share theirs.
pub(crate) fn function(name: &str) -> Function {
    use Function::{Squares, Value};
    let table: [(&str, Function); 34] = [
        ("rosenbrock", Squares(rosenbrock)),
        ("freudenstein_roth", Squares(freudenstein_roth)),
        ("powell_badly_scaled", Squares(powell_badly_scaled)),
        ("brown_badly_scaled", Squares(brown_badly_scaled)),
        ("beale", Squares(beale)),
        ("jennrich_sampson", Squares(jennrich_sampson)),
        ("helical_valley", Squares(helical_valley)),
        ("bard", Squares(bard)),
        ("gaussian", Squares(gaussian)),
        ("meyer", Squares(meyer)),
        ("box_3d", Squares(box_3d)),
        ("powell_singular", Squares(powell_singular)),
        ("wood", Squares(wood)),
        ("kowalik_osborne", Squares(kowalik_osborne)),
        ("brown_dennis", Squares(brown_dennis)),
        ("osborne_1", Squares(osborne_1)),
        ("biggs_exp6", Squares(biggs_exp6)),
        ("watson", Squares(watson)),
        ("penalty_1", Squares(penalty_1)),
        ("variably_dimensioned", Squares(variably_dimensioned)),
        ("trigonometric", Squares(trigonometric)),
        ("brown_almost_linear", Squares(brown_almost_linear)),
        ("discrete_boundary_value", Squares(discrete_boundary_value)),
        ("broyden_tridiagonal", Squares(broyden_tridiagonal)),
        ("broyden_banded", Squares(broyden_banded)),
        ("chebyquad", Squares(chebyquad)),
        ("hs110", Value(hs110)),
        ("hs1", Squares(rosenbrock)),
        ("hs2", Squares(rosenbrock)),
        ("hs38", Squares(wood)),
        ("hs3", Value(hs3)),
        ("hs45", Value(hs45)),
        ("hs4", Value(hs4)),
        ("hs5", Value(hs5)),
    ];
    let found = table.iter().find(|(prefix, _)| name.starts_with(prefix));
    found.unwrap_or_else(|| panic!("no function for {name}")).1
}
