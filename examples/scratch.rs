use deepest::action::*; use deepest::anneal::*; use deepest::discretization::*; use deepest::grid::Grid; use deepest::models::*;
use deepest::observations::Observations; use deepest::parameters::*; use deepest::precision::Precision; use deepest::windows::Window;
use ndarray::*;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a: Vec<String> = std::env::args().collect();
    let comps: Vec<usize> = a[1].split(',').map(|s| s.parse().unwrap()).collect();
    let starts: usize = a[2].parse()?; let seed: u64 = a[3].parse()?; let last: i32 = a[4].parse()?;
    let data: Array2<f64> = ndarray_npy::read_npy("/work/shared/data/lorenz96_data.npy")?;
    let times = data.column(0).to_vec();
    let vals = data.select(Axis(1), &comps.iter().map(|c| c+1).collect::<Vec<_>>());
    let obs = Observations::of_components(&comps, times.clone(), vals, Precision::scalar(4.0)?)?;
    let w = Window::new(Grid::new(times)?).observations(obs)?;
    let action = Action::builder(Lorenz96{sites:20}, SimpsonHermite).window(w).parameter("forcing", Bounds::new(0.0,20.0)?).normalization(Normalization::Mean).build()?;
    let t0 = cpu_time::ProcessTime::now();
    let r = Annealer::new(Schedule::geometric(4e-6, 1.5, 0..=last)?).starts(starts).seed(seed).run(&action)?;
    let cpu = t0.elapsed().as_secs_f64();
    if starts == 1 { for l in &r.starts[0].levels { println!("{} {:.6e} it {} fac {} ev {} {:?} F {:.4}", l.beta, l.action.total, l.work.iterations, l.work.factorizations, l.work.evaluations, l.termination, l.estimate.parameters[0]); } }
    for s in &r.starts { let l=s.levels.last().unwrap(); println!("{} {} {:.6} F {:.4} fac {} ev {}", s.index, s.kind, l.action.total, l.estimate.parameters[0], s.work().factorizations, s.work().evaluations); }
    let n: usize = r.work().factorizations; println!("cpu {:.3} per fac {:.3} ms", cpu, cpu*1e3/n as f64);
    Ok(())
}
