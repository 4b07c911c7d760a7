//! Delay, dimension and vectors of a series, against series of which they are known.

use deepest::embedding::{
    Criteria, DelayEmbedding, FalseNeighbours, false_neighbours, mutual_information,
};
use deepest::models::Lorenz63;
use deepest::prelude::*;
use deepest::{Error, Result};
use ndarray::{Array1, array};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

fn noise(count: usize, seed: u64) -> Array1<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..count)
        .map(|_| StandardNormal.sample(&mut rng))
        .collect()
}

/// x(n) = ρ x(n − 1) + (1 − ρ²)^½ ξ(n): values `k` apart are bivariate normal with
/// correlation ρᵏ.
fn autoregressive(rho: f64, count: usize) -> Array1<f64> {
    let mut x = 0.0;
    let step = |xi: &f64| {
        x = rho * x + (1.0 - rho * rho).sqrt() * xi;
        x
    };
    noise(count, 3).iter().map(step).collect()
}

fn lorenz(count: usize) -> Array1<f64> {
    let grid = Grid::uniform(0.0, 0.01, count).unwrap();
    let simulation = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(50.0);
    simulation.flow(&Lorenz63).unwrap().path.component(0).into()
}

fn henon(count: usize) -> Array1<f64> {
    let mut state = (0.1, 0.1);
    let mut step = || {
        state = (1.0 - 1.4 * state.0 * state.0 + 0.3 * state.1, state.0);
        state.0
    };
    for _ in 0..100 {
        step();
    }
    (0..count).map(|_| step()).collect()
}

/// A period that no number of samples makes whole.
fn sine(count: usize) -> Array1<f64> {
    let phase = |n: usize| std::f64::consts::TAU * n as f64 / 40.0123;
    (0..count).map(|n| phase(n).sin()).collect()
}

#[test]
fn information_of_normal_values_is_that_of_their_correlation() -> Result<()> {
    let series = autoregressive(0.9, 200_000);
    let found = mutual_information(series.view(), 8)?;
    assert_eq!(found.bins, 32);
    // ln p(a, b)/p(a)p(b) has the variance ρ², and means of this series vary as those
    // of a tenth as many independent values: deviation 0.006. Quadrature says what 32
    // bins lose: 0.025 of 0.830 at lag 1, and less at the others.
    for (k, lost) in [(1, 0.0254), (2, 0.0138), (4, 0.0062), (8, 0.0020)] {
        let rho = 0.9_f64.powi(k as i32);
        let exact = -0.5 * (1.0 - rho * rho).ln() - lost;
        let off = found.nats[k] - exact;
        assert!(off.abs() < 0.02, "lag {k}: {off}");
    }
    // Of equal bins the entropy is the logarithm of their number.
    assert!((found.nats[0] - 32_f64.ln()).abs() < 0.01);
    assert_eq!(found.first_minimum(), None);
    Ok(())
}

#[test]
fn independent_values_tell_nothing_of_each_other() -> Result<()> {
    let found = mutual_information(noise(20_000, 1).view(), 20)?;
    // Twice the number of pairs times I is χ² with 31² degrees of freedom: deviation
    // 0.0011 after its mean, 0.024, is taken off; of the mean of 20 lags 0.00025.
    let lags = &found.nats[1..];
    assert!(lags.iter().all(|i| i.abs() < 0.005), "{lags:?}");
    let mean = lags.iter().sum::<f64>() / 20.0;
    assert!(mean.abs() < 0.001, "{mean}");
    Ok(())
}

#[test]
fn a_sine_tells_itself_after_half_a_period() -> Result<()> {
    let found = mutual_information(sine(20_000).view(), 40)?;
    let entropy = found.nats[0];
    // Half a period later a value is −x, one for one. Bins are half a sample wide in
    // phase and the lag is 0.006 off, so that a hundredth is found one bin aside.
    for lag in [20, 40] {
        assert!(entropy - found.nats[lag] < 0.2, "{lag}: {found:?}");
    }
    // Elsewhere rising and falling values lead to two bins, each torn over two more.
    for lag in (3..18).chain(23..38) {
        let lost = (entropy - found.nats[lag]) / 2_f64.ln();
        assert!((0.9..2.3).contains(&lost), "{lag}: {lost}");
    }
    Ok(())
}

#[test]
fn delay_and_dimension_of_lorenz_63_are_the_published_ones() -> Result<()> {
    let x = lorenz(10_000);
    // The Wolfram Demonstration "Chaotic Data: Delay Time and Embedding Dimension", with
    // 4,000 values: lag about 16; 97 % of false neighbours in one dimension, 2 % in two,
    // none in three. The minimum is flat.
    let information = mutual_information(x.view(), 40)?;
    let lag = information.first_minimum().expect("a minimum");
    assert!((14..=18).contains(&lag), "{information:?}");
    let found = false_neighbours(x.view(), lag, 6, &Criteria::default())?;
    assert_eq!(found.points, 10_000 - 6 * lag);
    assert!(found.shares[0] > 0.9, "{found:?}");
    assert_eq!(found.dimension_below(0.01), Some(3), "{found:?}");
    Ok(())
}

#[test]
fn dimensions_of_a_map_a_circle_and_noise() -> Result<()> {
    // The same Demonstration: 71 % in one dimension of Hénon's map, none in two.
    let map = false_neighbours(henon(4000).view(), 1, 5, &Criteria::default())?;
    assert_eq!(map.dimension_below(0.01), Some(2), "{map:?}");
    let circle = false_neighbours(sine(4000).view(), 10, 5, &Criteria::default())?;
    assert!(circle.shares[0] > 0.5, "{circle:?}");
    assert!(circle.shares[1..].iter().all(|s| *s == 0.0), "{circle:?}");
    // Noise fills any dimension: what the ratio no longer sees of so few points in so
    // much space, the size does.
    let noise = false_neighbours(noise(10_000, 2).view(), 1, 8, &Criteria::default())?;
    assert!(noise.shares.iter().all(|s| *s > 0.1), "{noise:?}");
    assert!(noise.by_ratio[7] < 0.01, "{noise:?}");
    // In one dimension neighbours touch, and the next values are independent: their
    // difference is beyond 2σ in a share erfc(1) = 0.157 of all cases, deviation 0.004
    // (a point may be the neighbour of two). Farther neighbours only add to it.
    assert!((noise.by_size[0] - 0.157).abs() < 0.02, "{noise:?}");
    assert!(noise.by_size[7] > noise.by_size[0], "{noise:?}");
    assert_eq!(noise.dimension_below(0.1), None);
    Ok(())
}

/// The definition, pair by pair.
fn naive(x: &Array1<f64>, lag: usize, most: usize, criteria: &Criteria) -> Vec<[f64; 2]> {
    let count = x.len() - most * lag;
    let deviation = x.std(0.0);
    let at = |point: usize, k: usize| x[point + k * lag];
    let shares = (1..=most).map(|d| {
        let mut wrong = [0.0; 2];
        for i in 0..count {
            let mut best = (f64::INFINITY, 0);
            for j in (0..count).filter(|j| j.abs_diff(i) > criteria.apart) {
                let square: f64 = (0..d).map(|k| (at(i, k) - at(j, k)).powi(2)).sum();
                if square < best.0 {
                    best = (square, j);
                }
            }
            let next = (at(i, d) - at(best.1, d)).abs();
            wrong[0] += f64::from(next / best.0.sqrt() > criteria.ratio);
            let after = (best.0 + next * next).sqrt();
            wrong[1] += f64::from(after / deviation > criteria.size);
        }
        wrong.map(|w| w / count as f64)
    });
    shares.collect()
}

#[test]
fn neighbours_are_those_of_a_search_through_all_pairs() -> Result<()> {
    let mixed = &lorenz(1500) + &noise(1500, 4);
    for (series, lag) in [(noise(1500, 5), 1), (lorenz(1500), 16), (mixed, 7)] {
        for (ratio, size, apart) in [(15.0, 2.0, 0), (3.0, 0.7, 40)] {
            let criteria = Criteria { ratio, size, apart };
            let found = false_neighbours(series.view(), lag, 5, &criteria)?;
            let pairs: Vec<[f64; 2]> = (0..5)
                .map(|k| [found.by_ratio[k], found.by_size[k]])
                .collect();
            assert_eq!(pairs, naive(&series, lag, 5, &criteria));
            for k in 0..5 {
                let (ratio, size) = (found.by_ratio[k], found.by_size[k]);
                let either = ratio.max(size)..=ratio + size + 1e-12;
                assert!(either.contains(&found.shares[k]), "{found:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn units_do_not_matter() -> Result<()> {
    let series = &lorenz(2000) + &noise(2000, 6);
    let information = mutual_information(series.view(), 10)?;
    let neighbours = |series: &Array1<f64>| -> Result<FalseNeighbours> {
        false_neighbours(series.view(), 5, 4, &Criteria::default())
    };
    let expected = neighbours(&series)?;
    // Powers of two, so that no bit changes; squares would over- and underflow.
    for unit in [2_f64.powi(1000), 2_f64.powi(-900)] {
        let scaled = &series * unit;
        assert_eq!(mutual_information(scaled.view(), 10)?, information);
        assert_eq!(neighbours(&scaled)?, expected);
    }
    let bent = series.mapv(|x| (0.1 * x).exp());
    assert_eq!(mutual_information(bent.view(), 10)?, information);
    Ok(())
}

#[test]
fn few_different_values_are_no_trouble() -> Result<()> {
    let coin = noise(5000, 7).mapv(|x| f64::from(x > 0.0));
    let found = mutual_information(coin.view(), 5)?;
    assert!((found.nats[0] - 2_f64.ln()).abs() < 0.01);
    assert!(found.nats[1..].iter().all(|i| i.abs() < 0.002), "{found:?}");
    let found = false_neighbours(coin.view(), 1, 4, &Criteria::default())?;
    // The next toss of an equal history differs in half of all cases.
    for share in found.shares {
        assert!((share - 0.5).abs() < 0.05, "{share}");
    }
    Ok(())
}

#[test]
fn vectors_look_back_and_pairs_ahead() -> Result<()> {
    let series = Array1::from_iter((0..8).map(f64::from));
    let embedding = DelayEmbedding::new(2, 3)?;
    assert_eq!(
        (embedding.depth(), embedding.lag(), embedding.dimension()),
        (4, 2, 3)
    );
    let all = array![
        [4.0, 2.0, 0.0],
        [5.0, 3.0, 1.0],
        [6.0, 4.0, 2.0],
        [7.0, 5.0, 3.0]
    ];
    assert_eq!(embedding.vectors(series.view())?, all);
    let (inputs, outputs) = embedding.pairs(series.view(), 3)?;
    assert_eq!(inputs, array![[4.0, 2.0, 0.0]]);
    assert_eq!(outputs, array![[7.0, 5.0, 3.0]]);
    Ok(())
}

#[test]
fn what_is_no_series_is_refused() -> Result<()> {
    let series = sine(300);
    let mut broken = series.clone();
    broken[17] = f64::NAN;
    let equal = Array1::from_elem(300, 1e-3);
    let none = Array1::zeros(0);
    let criteria = Criteria::default();
    let embedding = DelayEmbedding::new(10, 3)?;
    let with = |ratio: f64, size: f64| Criteria {
        ratio,
        size,
        apart: 0,
    };
    let huge = Criteria {
        apart: usize::MAX,
        ..criteria
    };
    let neighbours = |x: &Array1<f64>, lag: usize, most: usize, criteria: &Criteria| {
        false_neighbours(x.view(), lag, most, criteria)
            .unwrap_err()
            .to_string()
    };
    let information =
        |x: &Array1<f64>, lag: usize| mutual_information(x.view(), lag).unwrap_err().to_string();
    let pairs =
        |x: &Array1<f64>, ahead: usize| embedding.pairs(x.view(), ahead).unwrap_err().to_string();
    let short = "length of the series";
    for (found, expected) in [
        (
            information(&series, 0),
            "largest lag (mutual information): expected a positive",
        ),
        (
            information(&series, 221),
            "expected a value from 301 to inf, found 300",
        ),
        (information(&series, usize::MAX), short),
        (information(&none, 3), short),
        (
            information(&broken, 3),
            "mutual information, index 17): expected a finite",
        ),
        (
            information(&equal, 3),
            "spread of the series (mutual information)",
        ),
        (
            neighbours(&series, 0, 3, &criteria),
            "lag (false neighbours)",
        ),
        (neighbours(&series, 3, 0, &criteria), "largest dimension"),
        (
            neighbours(&series, 100, 3, &criteria),
            "expected a value from 302 to inf",
        ),
        (neighbours(&series, usize::MAX, 3, &criteria), short),
        (neighbours(&series, 3, 3, &huge), short),
        (
            neighbours(&broken, 3, 3, &criteria),
            "false neighbours, index 17",
        ),
        (
            neighbours(&equal, 3, 3, &criteria),
            "spread of the series (false neighbours)",
        ),
        (
            neighbours(&series, 3, 3, &with(0.0, 2.0)),
            "ratio of distances",
        ),
        (
            neighbours(&series, 3, 3, &with(15.0, f64::NAN)),
            "size of the attractor",
        ),
        (pairs(&series, 0), "samples ahead"),
        (
            pairs(&series, 280),
            "expected a value from 301 to inf, found 300",
        ),
        (pairs(&series, usize::MAX), short),
        (pairs(&broken, 1), "index 17"),
    ] {
        assert!(found.contains(expected), "{found}: {expected}");
    }
    for (lag, dimension) in [(0, 2), (2, 0)] {
        let refused = DelayEmbedding::new(lag, dimension);
        assert!(matches!(refused, Err(Error::NotPositive { .. })));
    }
    let deep = DelayEmbedding::new(usize::MAX, usize::MAX)?;
    let refused = deep.vectors(series.view());
    assert!(matches!(refused, Err(Error::OutOfRange { .. })));
    Ok(())
}
