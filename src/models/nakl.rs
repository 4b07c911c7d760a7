//! The NaKL neuron, with the values and bounds of its parameters.

use crate::model::{Flow, Model};
use crate::scalar::Scalar;

/// The NaKL neuron: sodium, potassium and leak currents in one compartment,
/// with a known injected current I(t) as its only input.
///
/// V̇ = g_Na m³h (E_Na − V) + g_K n⁴ (E_K − V) + g_L (E_L − V) + I(t), and for
/// each gate z of m, h, n: ż = (z∞(V) − z)/τ_z(V), with
/// z∞ = ½(1 + tanh((V − V_t)/V_s)) and τ_z = t₁ + t₂(1 − tanh²((V − V_t)/V_s)).
/// States (V in mV, m, h, n), time in ms, conductances by capacitance in
/// 1/ms, I in mV/ms. θ = (g_Na, g_K, g_L, E_Na, E_K, E_L), then
/// (V_t, V_s, t₁, t₂) for m, h and n.
///
/// B. A. Toth, M. Kostuk, C. D. Meliza, D. Margoliash, H. D. I. Abarbanel,
/// Biological Cybernetics 105, 217 (2011).
#[derive(Debug, Clone, Copy, Default)]
pub struct NaKl;

impl NaKl {
    /// Names of the 18 parameters.
    pub const NAMES: [&str; 18] = [
        "gNa", "gK", "gL", "ENa", "EK", "EL", "Vt_m", "Vs_m", "t1_m", "t2_m", "Vt_h", "Vs_h",
        "t1_h", "t2_h", "Vt_n", "Vs_n", "t1_n", "t2_n",
    ];

    /// Their values in the data of varanneal's example, slopes rounded.
    pub const VALUES: [f64; 18] = [
        120.0, 20.0, 0.3, 50.0, -77.0, -54.0, -40.0, 15.0, 0.1, 0.4, -60.0, -15.0, 1.0, 7.0, -55.0,
        30.0, 1.0, 5.0,
    ];

    /// Lower and upper bounds with which varanneal's example estimates them.
    pub const BOUNDS: [(f64, f64); 18] = [
        (60.0, 180.0),
        (10.0, 30.0),
        (0.15, 0.45),
        (47.5, 52.5),
        (-80.85, -73.15),
        (-56.7, -51.3),
        (-42.0, -38.0),
        (14.25, 15.75),
        (0.095, 0.105),
        (0.38, 0.42),
        (-63.0, -57.0),
        (-15.75, -14.25),
        (0.95, 1.05),
        (6.65, 7.35),
        (-57.75, -52.25),
        (28.5, 31.5),
        (0.95, 1.05),
        (4.75, 5.25),
    ];
}

impl Model for NaKl {
    fn parameter_count(&self) -> usize {
        Self::NAMES.len()
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for NaKl {
    fn width(&self) -> usize {
        4
    }

    #[inline(always)]
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let (v, m, h, n) = (x[0], x[1], x[2], x[3]);
        let squared = n.square();
        dx[0] = theta[0] * m.square() * m * h * (theta[3] - v)
            + theta[1] * squared.square() * (theta[4] - v)
            + theta[2] * (theta[5] - v)
            + input[0];
        for gate in 0..3 {
            let of = &theta[6 + 4 * gate..10 + 4 * gate];
            let slope = ((v - of[0]) / of[1]).tanh();
            let open = (slope + 1.0) * 0.5;
            let time = of[2] + of[3] * (-slope.square() + 1.0);
            dx[1 + gate] = (open - x[1 + gate]) / time;
        }
    }
}
