//! Lorenz-96 from 8 of 20 measured components: a twin experiment, or data.
//!
//! `cargo run --release --example lorenz96 -- [--data FILE.npy] [--observe 0,2,4]
//! [--betas 0..60] [--starts K] [--seed S]`

use std::error::Error;

use deepest::models::Lorenz96;
use deepest::prelude::*;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_distr::{Distribution, Normal};

struct Options {
    data: Option<String>,
    observe: Vec<usize>,
    last: i32,
    starts: usize,
    seed: u64,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        data: None,
        observe: vec![0, 2, 4, 6, 8, 10, 14, 16],
        last: 60,
        starts: 4,
        seed: 0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments
            .next()
            .ok_or(format!("{flag}: a value is missing"))?;
        match flag.as_str() {
            "--data" => options.data = Some(value),
            "--observe" => {
                options.observe = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--betas" => {
                let last = value
                    .strip_prefix("0..")
                    .ok_or("--betas: expected 0..LAST")?;
                options.last = last.parse()?;
            }
            "--starts" => options.starts = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            _ => return Err(format!("{flag}: unknown flag").into()),
        }
    }
    Ok(options)
}

/// Time in column 0, then the states: from a file, or simulated (forcing 8.17,
/// Δ = 0.025) with noise of deviation 0.5. The second array is the truth.
type Table = (Array2<f64>, Option<Array2<f64>>);

fn table(options: &Options) -> Result<Table, Box<dyn Error>> {
    if let Some(file) = &options.data {
        return Ok((ndarray_npy::read_npy(file)?, None));
    }
    let (sites, layers, step, sub) = (20, 161, 0.025, 5);
    let mut state: Vec<f64> = (0..sites).map(|i| 8.0 + 0.01 * i as f64).collect();
    let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let noise = Normal::new(0.0, 0.5)?;
    let mut truth = Array2::zeros((layers, sites + 1));
    for n in 0..800 + layers {
        if n >= 800 {
            truth[(n - 800, 0)] = (n - 800) as f64 * step;
            for i in 0..sites {
                truth[(n - 800, i + 1)] = state[i];
            }
        }
        for _ in 0..sub {
            runge_kutta(&mut state, step / f64::from(sub));
        }
    }
    let mut data = truth.clone();
    for mut row in data.rows_mut() {
        row.iter_mut()
            .skip(1)
            .for_each(|v| *v += noise.sample(&mut rng));
    }
    Ok((data, Some(truth)))
}

fn runge_kutta(x: &mut [f64], h: f64) {
    let model = Lorenz96 { sites: x.len() };
    let mut sum = vec![0.0; x.len()];
    let (mut at, mut slope) = (x.to_vec(), vec![0.0; x.len()]);
    for (weight, reach) in [(1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)] {
        model.flow(0.0, &at, &[8.17], &[], &mut slope);
        for i in 0..x.len() {
            sum[i] += weight * slope[i];
            at[i] = x[i] + reach * h * slope[i];
        }
    }
    for i in 0..x.len() {
        x[i] += h * sum[i] / 6.0;
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let (data, truth) = table(&options)?;
    let sites = data.ncols().saturating_sub(1);
    if let Some(outside) = options.observe.iter().find(|&&c| c >= sites) {
        return Err(format!("--observe: component {outside} of {sites}").into());
    }
    let times = data.column(0).to_vec();
    let columns: Vec<usize> = options.observe.iter().map(|c| c + 1).collect();
    let values = data.select(Axis(1), &columns);
    let precision = Precision::scalar(4.0)?;
    let observations =
        Observations::of_components(&options.observe, times.clone(), values, precision)?;
    let action = Action::builder(Lorenz96 { sites }, SimpsonHermite)
        .window(Window::new(Grid::new(times.clone())?).observations(observations)?)
        .parameter("forcing", Bounds::new(0.0, 20.0)?)
        .normalization(Normalization::Mean)
        .build()?;
    let schedule = Schedule::geometric(4e-6, 1.5, 0..=options.last)?;
    let annealer = Annealer::new(schedule)
        .starts(options.starts)
        .seed(options.seed);
    let annealing = annealer.run(&action)?;
    println!("start    action    forcing  factorizations");
    for start in &annealing.starts {
        if let Some(level) = start.levels.last() {
            println!(
                "{:>5} {:>9.6} {:>10.4} {:>15}",
                start.index,
                level.action.total,
                level.estimate.parameters[0],
                start.work().factorizations
            );
        }
    }
    let (start, best) = annealing.best().ok_or("no start reached a level")?;
    println!("\n beta       R_f     action  measurement     model  forcing");
    for level in start.levels.iter().filter(|l| l.beta % 10.0 == 0.0) {
        println!(
            "{:>5} {:>9.2e} {:>10.6} {:>12.6} {:>9.2e} {:>8.4}",
            level.beta,
            level.rf,
            level.action.total,
            level.action.measurement,
            level.action.model,
            level.estimate.parameters[0]
        );
    }
    if let Some(truth) = &truth {
        let path = best.estimate.paths[0].to_array()?;
        let squares = (&path - &truth.slice(ndarray::s![.., 1..])).mapv(|e| e * e);
        println!(
            "\nRMSE of all components {:.3}",
            squares.mean().unwrap_or(0.0).sqrt()
        );
    }
    let hidden = (0..sites).find(|c| !options.observe.contains(c));
    draw(&data, &best.estimate.paths[0], options.observe[0], hidden)?;
    println!("picture: lorenz96.svg");
    Ok(())
}

/// One measured and one hidden component: data as dots, the estimate as a line.
fn draw(
    data: &Array2<f64>,
    path: &Path,
    seen: usize,
    hidden: Option<usize>,
) -> std::io::Result<()> {
    let mut svg = String::from(
        "<svg xmlns='http://www.w3.org/2000/svg' width='800' height='440' \
         font-family='sans-serif' font-size='13'>\n",
    );
    let span = data[(data.nrows() - 1, 0)] - data[(0, 0)];
    for (panel, component) in std::iter::once(seen).chain(hidden).enumerate() {
        let middle = 110.0 + 215.0 * panel as f64;
        let place = |n: usize, v: f64| {
            let x = 50.0 + 730.0 * (data[(n, 0)] - data[(0, 0)]) / span;
            (x, middle - 6.0 * v)
        };
        let line: String = (0..path.layers())
            .map(|n| {
                let (x, y) = place(n, path.layer(n)[component]);
                format!("{x:.1},{y:.1} ")
            })
            .collect();
        let name = if component == seen {
            "measured"
        } else {
            "not measured"
        };
        svg += &format!(
            "<text x='50' y='{:.0}'>component {component}, {name}: data (dots), estimate (line)\
             </text>\n<polyline fill='none' stroke='#0072b2' points='{line}'/>\n",
            middle - 95.0
        );
        for n in 0..data.nrows() {
            let (x, y) = place(n, data[(n, component + 1)]);
            svg += &format!("<circle cx='{x:.1}' cy='{y:.1}' r='1.6' fill='#d55e00'/>\n");
        }
    }
    std::fs::write("lorenz96.svg", svg + "</svg>\n")
}

fn main() {
    if let Err(error) = run() {
        eprintln!("lorenz96: {error}");
        std::process::exit(2);
    }
}
