//! The coefficients of the rules that one engine evaluates.

use super::table::{Group, Table};

pub(super) static EULER: Table = Table {
    name: "euler",
    order: 1,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-1.0, 0.0, 0.0],
    }],
    stages: &[[1.0, 0.0, 0.0]],
    shares_ends: false,
    per_time: &[1.0],
    quadrature: &[(1.0, [1.0, 0.0, 0.0])],
};

pub(super) static TRAPEZOID: Table = Table {
    name: "trapezoid",
    order: 2,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-0.5, -0.5, 0.0],
    }],
    stages: &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    shares_ends: true,
    per_time: &[1.0],
    quadrature: &[(0.5, [1.0, 0.0, 0.0]), (0.5, [0.0, 1.0, 0.0])],
};

pub(super) static MIDPOINT: Table = Table {
    name: "midpoint",
    order: 2,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-1.0, 0.0, 0.0],
    }],
    stages: &[[0.5, 0.5, 0.0]],
    shares_ends: false,
    per_time: &[1.0],
    quadrature: &[(1.0, [0.5, 0.5, 0.0])],
};

pub(super) static SIMPSON_HERMITE: Table = Table {
    name: "simpson-hermite",
    order: 2,
    steps: 2,
    groups: &[
        Group {
            layers: [-1.0, 0.0, 1.0],
            stages: [-1.0 / 6.0, -4.0 / 6.0, -1.0 / 6.0],
        },
        Group {
            layers: [-0.5, 1.0, -0.5],
            stages: [-1.0 / 8.0, 0.0, 1.0 / 8.0],
        },
    ],
    stages: &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    shares_ends: true,
    per_time: &[1.0, 4.0],
    quadrature: &[
        (1.0 / 6.0, [1.0, 0.0, 0.0]),
        (4.0 * (1.0 / 6.0), [0.0, 1.0, 0.0]),
        (1.0 / 6.0, [0.0, 0.0, 1.0]),
    ],
};
