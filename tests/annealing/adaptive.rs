//! Schedules whose steps are chosen on the way.

use deepest::models::Lorenz96;
use deepest::prelude::*;
use deepest::{Annealing, StartResult};

/// Lorenz-96 with 20 sites, unknown forcing, σ = 0.5.
fn lorenz96(observed: &[usize]) -> Action {
    let model = Lorenz96 { sites: 20 };
    let grid = Grid::uniform(0.0, 0.025, 161).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(20.0).seed(11);
    let truth = truth.flow(&model).unwrap();
    let measurement = Measurement::new(observed, Noise::scalar(0.5).unwrap()).seed(2);
    let twin = truth.observe(&measurement).unwrap();
    Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .normalization(Normalization::Mean)
        .build()
        .unwrap()
}

fn anneal(action: &Action, schedule: Schedule) -> Annealing {
    let annealer = Annealer::new(schedule).starts(1).seed(3);
    annealer.run(action).unwrap()
}

fn end(start: &StartResult) -> &deepest::Level {
    start.levels.last().unwrap()
}

#[test]
fn few_factorizations_lead_to_the_minimum_of_the_fixed_schedule() {
    let action = lorenz96(&(0..20).step_by(2).collect::<Vec<_>>());
    let fixed = anneal(&action, Schedule::geometric(4e-6, 1.5, 0..=60).unwrap());
    let adaptive = Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap();
    let adaptive = anneal(&action, adaptive);
    let (there, here) = (end(&fixed.starts[0]), end(&adaptive.starts[0]));
    assert_eq!((here.beta, here.rf), (there.beta, there.rf));
    // One minimum: a minimizer that goes on comes to the same action from both.
    let polished = |level: &deepest::Level| {
        let top = Schedule::geometric(4e-6, 1.5, [60]).unwrap();
        let given = Starts::Given(level.estimate.clone());
        let minimizer = GaussNewton::default().tolerance(1e-13).unwrap();
        let annealer = Annealer::new(top).start_with(given).minimizer(minimizer);
        annealer
            .run(&action)
            .unwrap()
            .best()
            .unwrap()
            .1
            .action
            .total
    };
    let distance = polished(here) / polished(there) - 1.0;
    assert!(distance.abs() < 1e-12, "{distance:e}");
    // All of it: nudged paths, settling, and the way up.
    let work = adaptive.starts[0].work().factorizations;
    assert!(work <= 25, "{work}");
    assert!(adaptive.starts[0].finished);
}

#[test]
fn the_automatic_end_is_where_the_model_error_is_small_and_no_later() {
    let action = lorenz96(&[0, 2, 4, 6, 8, 10, 14, 16]);
    let annealing = anneal(&action, Schedule::adaptive());
    let start = &annealing.starts[0];
    let deviation = action.expected_plateau().unwrap().deviation;
    let (last, before) = start.levels.split_last().unwrap();
    assert!(last.action.model <= 0.01 * deviation);
    assert!(before.iter().all(|l| l.action.model > 0.01 * deviation));
    // What a far larger R_f adds: mode by mode A = Σ a R/(R + k), so that it is
    // Σ a k/(R + k), the model error Σ a k R/(R + k)² and little more.
    let far = Schedule::adaptive_to(last.rf, 1e4, 1.0).unwrap();
    let far = anneal(&action.shaped_as(&last.estimate).unwrap(), far);
    let more = end(&far.starts[0]).action.total - last.action.total;
    let ratio = more / last.action.model;
    assert!((1.0..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn a_start_without_a_model_of_its_own_begins_where_the_model_does_not_matter() {
    let action = lorenz96(&(0..20).step_by(2).collect::<Vec<_>>());
    let annealer = Annealer::new(Schedule::adaptive()).starts(1);
    let annealing = annealer.start_with(Starts::Mean).run(&action).unwrap();
    let start = &annealing.starts[0];
    let plateau = action.expected_plateau().unwrap();
    assert!(start.levels[0].action.total < 1e-2 * plateau.mean);
    assert_eq!(start.levels[0].beta, 0.0);
    let pairs = start.levels.windows(2);
    assert!(pairs.clone().count() > 4);
    // Levels and their parts rise as they do along one minimum: A as a function
    // of R_f is increasing and concave, and its slope is the model error.
    for pair in pairs {
        let (a, b) = (&pair[0], &pair[1]);
        let slope = (b.action.total - a.action.total) / (b.rf - a.rf);
        let most = a.action.model / a.rf * (1.0 + 1e-6);
        assert!(b.action.total > a.action.total && slope < most);
    }
}

#[test]
fn every_start_ends_where_the_fixed_schedule_does_or_lower() {
    // Six components: the minimum bends, and is lost, on the way.
    let action = lorenz96(&[0, 3, 6, 9, 12, 15]);
    let run = |schedule: Schedule| {
        let annealer = Annealer::new(schedule).starts(4).seed(5);
        annealer.run(&action).unwrap()
    };
    let fixed = run(Schedule::geometric(4e-6, 1.5, 0..=60).unwrap());
    let adaptive = run(Schedule::adaptive_to(4e-6, 1.5, 60.0).unwrap());
    let best = |annealing: &Annealing| annealing.best().unwrap().1.action.total;
    assert!(best(&adaptive) < best(&fixed) * (1.0 + 1e-8));
    let work = |annealing: &Annealing| annealing.work().factorizations;
    assert!(work(&adaptive) < work(&fixed));
}

#[test]
fn checkpoints_keep_the_pace() {
    let action = lorenz96(&[0, 3, 6, 9, 12, 15]);
    let file = std::env::temp_dir().join(format!("deepest-adaptive-{}", std::process::id()));
    let annealer = Annealer::new(Schedule::adaptive()).starts(2).seed(5);
    let whole = annealer.run(&action).unwrap();
    for steps in [1, 3] {
        let annealer = annealer.clone().checkpoint(&file);
        let mut run = annealer.begin(&action).unwrap();
        for _ in 0..steps {
            run.step().unwrap();
        }
        drop(run);
        assert_eq!(annealer.run(&action).unwrap(), whole);
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn schedules_that_cannot_be_are_refused() {
    let alpha = Schedule::adaptive_by(1.0, 1.0).unwrap_err();
    assert!(alpha.to_string().contains("alpha"), "{alpha}");
    let rf0 = Schedule::adaptive_to(-1.0, 2.0, 3.0).unwrap_err();
    assert!(rf0.to_string().contains("R_f0"), "{rf0}");
    let beta = Schedule::adaptive_to(1.0, 2.0, f64::NAN).unwrap_err();
    assert!(beta.to_string().contains("beta"), "{beta}");
    let far = Schedule::adaptive_to(1.0, 2.0, 1e9).unwrap_err();
    assert!(far.to_string().contains("R_f"), "{far}");
    assert!(Schedule::adaptive().steps().is_empty());
}
